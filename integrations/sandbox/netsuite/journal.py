"""Journal entries: exactly one side a line, balanced, on accounts that take journals."""

from decimal import Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.netsuite.checks import Money, active, free_number, header, segments
from integrations.sandbox.netsuite.company import Company
from integrations.sandbox.netsuite.faults import bad_reference, missing, user_error
from integrations.sandbox.netsuite.store import ZERO, Posting, Record

_PARTY_NEEDED = ("AcctRec", "AcctPay")
_NO_JOURNALS = ("Stat", "NonPosting")


def journal_entry(company: Company, kind: str, body: Json, old: Record | None) -> Record:
    """Check a journal entry. Raises VendorFault."""
    fields, money = header(company, body, party=None, receivable=False)
    free_number(company, kind, body.get("tranId"), old)
    lines = body.get("line") or []
    if not lines:
        raise user_error("You must enter at least one line item for this transaction.", "line")
    postings = [_posting(company, line, number, fields, money) for number, line in enumerate(lines)]
    _balanced(postings)
    fields["tranId"] = body.get("tranId") or (old.data["tranId"] if old else company.next_number(kind, "JE"))
    pending = company.preferences["JournalApproval"] and not body.get("approved")
    fields["approvalStatus"] = body.get("approvalStatus") or {"id": "1" if pending else "2"}
    fields["line"] = [{**line, "line": number} for number, line in enumerate(lines)]
    return Record(kind, "", fields, _even(company, postings))


def _posting(company: Company, line: Json, number: int, head: Json, money: Money) -> Posting:
    path = f"line.items[{number}]"
    account = active(company, "account", line.get("account"), f"{path}.account")
    if account.data["acctType"]["id"] in _NO_JOURNALS:
        raise bad_reference(f"{path}.account", account.id)
    sides = {side: line[side] for side in ("debit", "credit") if line.get(side)}
    if len(sides) != 1:
        raise user_error("A journal line must have either a debit or a credit amount.", path)
    side, given = next(iter(sides.items()))
    amount = money.exact(given, f"{path}.{side}")
    if amount <= 0:
        raise user_error("The amount of a journal line must be positive.", f"{path}.{side}")
    entity = line.get("entity")
    if entity:
        party = active(company, "entity", entity, f"{path}.entity")
        if party.data["subsidiary"]["id"] != head["subsidiary"]["id"]:
            raise bad_reference(f"{path}.entity", entity["id"])
    elif account.data["acctType"]["id"] in _PARTY_NEEDED:
        raise missing(f"{path}.entity")
    signed = amount if side == "debit" else -amount
    return Posting(
        account.id,
        signed,
        money.base(signed),
        entity=entity["id"] if entity else "",
        memo=line.get("memo", ""),
        **segments(line, head),
    )


def _balanced(postings: list[Posting]) -> None:
    rest: Decimal = sum((posting.amount for posting in postings), ZERO)
    if rest:
        raise user_error(
            "The amounts in a journal entry must balance. The sum of the debits must equal the sum of the credits.",
            "line",
        )


def _even(company: Company, postings: list[Posting]) -> list[Posting]:
    """Put what rounding to the subsidiary's currency leaves over on the exchange account."""
    rest: Decimal = sum((posting.base for posting in postings), ZERO)
    return [*postings, Posting(company.role("exchange"), ZERO, -rest)] if rest else postings
