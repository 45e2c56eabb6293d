"""Manual journals: lines that add up to zero, on accounts a person may use, in base currency."""

from decimal import Decimal
from urllib.parse import urlsplit

from integrations.sandbox.messages import Json
from integrations.sandbox.xero.errors import Invalid
from integrations.sandbox.xero.organisation import Organisation, exact
from integrations.sandbox.xero.store import ZERO, Posting, Record, day, day_of

_NOT_HERE = ("BANK", "INVENTORY")
_MOVES = {"DRAFT": ("DRAFT", "POSTED", "DELETED"), "POSTED": ("POSTED", "VOIDED")}


def create(organisation: Organisation, sent: Json) -> Record:
    """Check a journal and keep it. Raises Invalid."""
    status = sent.get("Status", "DRAFT")
    if status not in ("DRAFT", "POSTED"):
        raise Invalid(f"A new manual journal cannot have the status {status}.")
    data, postings = _checked(organisation, sent, status)
    return organisation.books.add("ManualJournal", data, postings)


def update(organisation: Organisation, record: Record, sent: Json) -> Record:
    """Change, post, void or delete a journal. Raises Invalid."""
    before = record.data["Status"]
    status = sent.get("Status", before)
    if status not in _MOVES.get(before, ()):
        raise Invalid(f"A manual journal with the status {before} cannot become {status}.")
    organisation.unlocked(day_of(record.data["Date"]))
    if status in ("VOIDED", "DELETED"):
        organisation.books.replace(record, record.data | {"Status": status}, ())
        return record
    kept = {
        "Narration": record.data["Narration"],
        "Date": day_of(record.data["Date"]),
        "LineAmountTypes": record.data["LineAmountTypes"],
        "ShowOnCashBasisReports": record.data["ShowOnCashBasisReports"],
        "JournalLines": [_resent(line) for line in record.data["JournalLines"]],
    }
    data, postings = _checked(organisation, kept | sent, status)
    organisation.books.replace(record, data, postings)
    return record


def _resent(line: Json) -> Json:
    wanted = ("LineAmount", "AccountCode", "Description", "TaxType", "Tracking")
    return {name: line[name] for name in wanted if name in line}


def _checked(organisation: Organisation, sent: Json, status: str) -> tuple[Json, list[Posting]]:
    rows = sent.get("JournalLines") or []
    wrong = _wrong_head(organisation, sent, status)
    kind = sent.get("LineAmountTypes", "NoTax")
    lines: list[Json] = []
    postings: list[Posting] = []
    for row in rows:
        try:
            line, posting = _line(organisation, row, kind)
        except Invalid as error:
            wrong += [each for each in error.words if each not in wrong]
            continue
        lines.append(line)
        postings.append(posting)
    total = sum((posting.amount for posting in postings), ZERO)
    if total and not wrong:
        debit = sum((posting.amount for posting in postings if posting.amount > 0), ZERO)
        wrong.append(f"The total debits ({debit}) must equal total credits ({total - debit})")
    if wrong:
        raise Invalid(*wrong)
    data: Json = {
        "Narration": sent["Narration"].strip(),
        "Date": day(sent.get("Date") or organisation.today()),
        "Status": status,
        "LineAmountTypes": kind,
        "ShowOnCashBasisReports": sent.get("ShowOnCashBasisReports", True),
        "HasAttachments": False,
        "JournalLines": lines,
        **({"Url": sent["Url"]} if sent.get("Url") else {}),
    }
    return data, postings if status == "POSTED" else []


def _wrong_head(organisation: Organisation, sent: Json, status: str) -> list[str]:
    wrong: list[str] = []
    if not str(sent.get("Narration", "")).strip():
        wrong.append("Narration must be specified.")
    if len(sent.get("JournalLines") or ()) < 2:
        wrong.append("At least two journal lines must be specified.")
    if sent.get("Url"):
        parts = urlsplit(sent["Url"])
        if parts.scheme not in ("http", "https") or not parts.netloc:
            wrong.append("Url must be a valid absolute url.")
    try:
        if status == "POSTED":
            organisation.unlocked(sent.get("Date") or organisation.today())
    except Invalid as error:
        wrong += error.words
    return wrong


def _line(organisation: Organisation, row: Json, kind: str) -> tuple[Json, Posting]:
    if "LineAmount" not in row:
        raise Invalid("LineAmount must be specified on each journal line.")
    amount: Decimal = exact(row["LineAmount"], "LineAmount")
    account = organisation.account(row)
    code = account.data.get("Code", "")
    if account.data["Type"] in _NOT_HERE or account.data.get("SystemAccount"):
        raise Invalid(f"Account code '{code}' is not a valid code for this document.")
    rate = organisation.tax_rate(row.get("TaxType"), account)
    if kind != "NoTax" and rate.data["EffectiveRate"]:
        raise Invalid("This sandbox posts manual journals without tax only: send LineAmountTypes NoTax.")
    line: Json = {
        "LineAmount": amount,
        "AccountCode": code,
        "AccountID": account.id,
        "TaxType": rate.id,
        "TaxAmount": ZERO,
        "IsBlank": False,
        "Tracking": organisation.tracking(row.get("Tracking", [])),
    }
    if row.get("Description"):
        line["Description"] = row["Description"]
    return line, Posting(account.id, amount)
