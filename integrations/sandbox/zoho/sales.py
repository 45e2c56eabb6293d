"""Invoices and credit notes: amounts, numbers, their states, and credits applied."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.zoho.errors import invalid, rule, too_long
from integrations.sandbox.zoho.journals import money_of, use
from integrations.sandbox.zoho.organization import Organization
from integrations.sandbox.zoho.store import MODULES, ZERO, Money, Posting

_LINES = 200
NUMBERS = {"invoices": ("invoice_number", "INV"), "creditnotes": ("creditnote_number", "CN")}
_OPEN = {"invoices": "sent", "creditnotes": "open"}


def save(org: Organization, path: str, body: Json, old: Json | None, *, own_number: bool) -> Json:
    """Create or change an invoice or credit note. Raises ZohoError."""
    day = body.get("date") or (old["date"] if old else date.today().isoformat())  # noqa: DTZ011 — the server's day
    org.check_date("sales", day, *([old["date"]] if old else []))
    if old and old["status"] == "void":
        raise rule("A document that is void cannot be edited.")
    org.check_tags(body)
    contact = org.customer(body["customer_id"])
    money = org.books.money(body.get("currency_id") or contact["currency_id"], body.get("exchange_rate"))
    lines = [_line(org, each, money) for each in body["line_items"]]
    if not 1 <= len(lines) <= _LINES:
        raise too_long("line_items", _LINES)
    before = old["is_inclusive_tax"] if old else org.preferences["RatesIncludeTax"]
    is_inclusive = bool(body.get("is_inclusive_tax", before))
    sums = _sums(org, lines, money, body.get("adjustment", ZERO), is_inclusive=is_inclusive)
    number_name, _ = NUMBERS[path]
    data = {
        **(old or {}),
        number_name: _number(org, path, body, old, own_number),
        "date": day,
        "customer_id": contact["contact_id"],
        "customer_name": contact["contact_name"],
        "reference_number": body.get("reference_number", ""),
        **money.shown(),
        "line_items": lines,
        **sums,
        "is_inclusive_tax": is_inclusive,
        "adjustment_description": body.get("adjustment_description", ""),
        "notes": body.get("notes", ""),
        "terms": body.get("terms", ""),
        "tags": body.get("tags", []),
        "custom_fields": org.fields_of(path, body, old),
        "status": old["status"] if old else _first_status(org, path, body),
    }
    used = (old["total"] - old["balance"]) if old else ZERO
    if sums["total"] < used:
        raise rule("The total cannot be less than the amount that has been paid or applied.")
    data["balance"] = sums["total"] - used
    if path == "invoices":
        terms = body.get("payment_terms", 0)
        data["due_date"] = body.get("due_date") or (date.fromisoformat(day) + timedelta(terms)).isoformat()
        data["payment_terms"] = terms
        if data["due_date"] < day:
            raise rule("The due date cannot be before the invoice date.")
    kept = org.books.add(path, data) if old is None else org.books.change(path, old, data)
    post(org, path, kept)
    return kept


def mark(org: Organization, path: str, record_id: str, status: str) -> Json:
    """Mark as sent (invoices), open (credit notes), void or draft. Raises ZohoError."""
    document = org.books.need(path, record_id)
    org.check_date("sales", document["date"])
    before = document["status"]
    allowed = {"sent": ("draft",), "open": ("draft",), "draft": ("void",)}.get(status)
    if status == "void":
        if before == "void":
            raise rule("The document is already void.")
        if path == "creditnotes" and document["balance"] != document["total"]:
            raise rule("Credit notes which have been applied to invoices or refunded cannot be marked as void.")
    elif before not in (allowed or ()):
        raise rule(f"The status of a document that is {before} cannot be changed to {status}.")
    if status == "void" and path == "invoices":
        _free(org, document)
    balance = ZERO if status == "void" else document["total"]
    org.books.change(path, document, {"status": status, "balance": balance})
    post(org, path, document)
    return document


def mark_sent_all(org: Organization, ids: Sequence[str]) -> None:
    """Mark invoices as sent, all or none. Raises ZohoError."""
    found = [org.books.need("invoices", each) for each in ids]
    if any(each["status"] != "draft" for each in found):
        raise rule("Only draft invoices can be marked as sent.")
    for each in found:
        org.check_date("sales", each["date"])
    for each in found:
        mark(org, "invoices", each["invoice_id"], "sent")


def delete(org: Organization, path: str, document: Json) -> None:
    """Delete an invoice or credit note that nothing was applied to. Raises ZohoError."""
    org.check_date("sales", document["date"])
    if document["status"] != "void" and document["balance"] != document["total"]:
        raise rule("Documents which have payments or credits applied cannot be deleted.")
    org.books.remove(path, document)


def apply_credits(org: Organization, creditnote_id: str, body: Json) -> None:
    """Let a credit note settle invoices. Raises ZohoError."""
    note = org.books.need("creditnotes", creditnote_id)
    wanted = body.get("invoices") or [{name: body[name] for name in ("invoice_id", "amount_applied")}]
    if body["invoice_id"] not in [each["invoice_id"] for each in wanted]:
        raise invalid("invoice_id")
    if note["status"] != "open":
        raise rule("Only credit notes that are open can be applied to invoices.")
    if sum((each["amount_applied"] for each in wanted), ZERO) > note["balance"]:
        raise rule("The amount applied is more than the credits that are available.")
    org.check_date("sales", note["date"])
    for each in wanted:
        invoice = settle(org, each, note["customer_id"], note["currency_id"])
        row = {
            "creditnote_invoice_id": org.books.new_id(),
            "creditnote_id": creditnote_id,
            "creditnote_number": note["creditnote_number"],
            "invoice_id": invoice["invoice_id"],
            "invoice_number": invoice["invoice_number"],
            "credited_amount": each["amount_applied"],
            "date": note["date"],
        }
        rows = [*note.get("invoices_credited", []), row]
        balance = note["balance"] - each["amount_applied"]
        org.books.change(
            "creditnotes",
            note,
            {"invoices_credited": rows, "balance": balance, "status": "open" if balance else "closed"},
        )


def unapply_credits(org: Organization, creditnote_id: str, row_id: str) -> None:
    """Take back a credit from an invoice. Raises ZohoError."""
    note = org.books.need("creditnotes", creditnote_id)
    row = next((each for each in note.get("invoices_credited", ()) if each["creditnote_invoice_id"] == row_id), None)
    if row is None:
        raise invalid("creditnote_invoice_id")
    release(org, row["invoice_id"], row["credited_amount"])
    rows = [each for each in note["invoices_credited"] if each is not row]
    balance = note["balance"] + row["credited_amount"]
    org.books.change("creditnotes", note, {"invoices_credited": rows, "balance": balance, "status": "open"})


def settle(org: Organization, part: Json, customer_id: str, currency_id: str) -> Json:
    """Take an amount off an invoice's balance. Raises ZohoError."""
    invoice = org.books.get("invoices", part["invoice_id"])
    if invoice is None:
        raise invalid("invoice_id")
    if invoice["customer_id"] != customer_id:
        raise rule("The invoice belongs to another customer.")
    if invoice["currency_id"] != currency_id:
        raise rule("The currency of the invoice is another one.")
    if invoice["status"] in ("draft", "void"):
        raise rule(f"Amounts cannot be applied to an invoice that is {invoice['status']}.")
    amount = money_of(org, invoice).exact(part["amount_applied"], "amount_applied")
    if amount <= 0:
        raise invalid("amount_applied")
    amount += money_of(org, invoice).exact(part.get("tax_amount_withheld", ZERO), "tax_amount_withheld")
    if amount > invoice["balance"]:
        raise rule("The amount entered is more than the balance due for the selected invoices.")
    balance = invoice["balance"] - amount
    org.books.change("invoices", invoice, {"balance": balance, "status": "partially_paid" if balance else "paid"})
    return invoice


def release(org: Organization, invoice_id: str, amount: Decimal) -> None:
    """Give an amount back to an invoice's balance."""
    invoice = org.books.get("invoices", invoice_id)
    if invoice is None or invoice["status"] == "void":
        return
    balance = invoice["balance"] + amount
    status = "sent" if balance == invoice["total"] else "partially_paid"
    org.books.change("invoices", invoice, {"balance": balance, "status": status})


def post(org: Organization, path: str, document: Json) -> None:
    """Put a document's effect on the accounts into the books; a draft or void one has none."""
    record_id = document[MODULES[path].id]
    if document["status"] in ("draft", "void"):
        org.books.post(path, record_id, [])
        return
    money = money_of(org, document)
    sign = 1 if path == "invoices" else -1
    parts = [(line["account_id"], line["item_total"]) for line in document["line_items"]]
    parts.append((org.books.role("tax"), document["tax_total"]))
    parts.append((org.books.role("adjustment"), document["adjustment"]))
    postings = [Posting(account, -sign * money.base(amount), -sign * amount) for account, amount in parts if amount]
    base = -sum((each.base for each in postings), ZERO)
    postings.append(Posting(org.books.role("receivable"), base, sign * document["total"]))
    for each in postings:
        use(org, each.account, document["customer_id"])
    org.books.post(path, record_id, postings)


def _first_status(org: Organization, path: str, body: Json) -> str:
    if path == "invoices" or body.get("is_draft") or org.preferences["CreditNotesStartAsDraft"]:
        return "draft"
    return "open"


def _number(org: Organization, path: str, body: Json, old: Json | None, own_number: bool) -> str:
    name, lead = NUMBERS[path]
    given = str(body.get(name, "")).strip()
    if old and given in ("", old[name]):
        return str(old[name])
    if given and not own_number:
        raise rule("Auto-generation of numbers is enabled. Use ignore_auto_number_generation to pass your own number.")
    if not given:
        if own_number:
            raise invalid(name)
        given = f"{lead}-{org.books.next_number(path):06d}"
    org.free(path, name, given, old, name.replace("_", " "))
    return given


def _line(org: Organization, sent: Json, money: Money) -> Json:
    item = org.books.get("items", sent["item_id"]) if "item_id" in sent else None
    if "item_id" in sent and item is None:
        raise invalid("item_id")
    if item is not None and item["status"] != "active":
        raise rule(f"The item {item['name']} is inactive.")
    account_id = sent.get("account_id") or (item["account_id"] if item else org.books.role("sales"))
    org.account(account_id)
    tax = org.books.get("taxes", sent["tax_id"]) if "tax_id" in sent else None
    if "tax_id" in sent and tax is None:
        raise invalid("tax_id")
    quantity = Decimal(sent.get("quantity", 1))
    rate: Decimal = sent["rate"] if "rate" in sent else item["rate"] if item else ZERO
    if quantity <= 0:
        raise invalid("quantity")
    return {
        "line_item_id": org.books.new_id(),
        "item_id": item["item_id"] if item else "",
        "name": sent.get("name") or (item["name"] if item else ""),
        "description": sent.get("description", ""),
        "account_id": account_id,
        "rate": rate,
        "quantity": quantity,
        "tax_id": tax["tax_id"] if tax else "",
        "tax_name": tax["tax_name"] if tax else "",
        "tax_percentage": tax["tax_percentage"] if tax else ZERO,
        "item_total": money.round(rate * quantity),
        "tags": sent.get("tags", []),
        "location_id": sent.get("location_id", ""),
    }


def _sums(org: Organization, lines: Sequence[Json], money: Money, adjustment: Decimal, *, is_inclusive: bool) -> Json:
    whole = sum((each["item_total"] for each in lines), ZERO)
    taxes = [
        each["item_total"] * each["tax_percentage"] / (100 + each["tax_percentage"] if is_inclusive else 100)
        for each in lines
    ]
    if org.preferences["TaxRoundedPerLine"]:
        taxes = [money.round(each) for each in taxes]
    tax = money.round(sum(taxes, ZERO))
    net = whole - tax if is_inclusive else whole
    adjustment = money.exact(adjustment, "adjustment")
    return {"sub_total": net, "tax_total": tax, "adjustment": adjustment, "total": net + tax + adjustment}


def _free(org: Organization, invoice: Json) -> None:
    """Take payments and credits off an invoice that becomes void; they stay on the customer's account."""
    for payment in list(org.books.tables["customerpayments"].values()):
        parts = payment["invoices"]
        gone = sum((each["amount_applied"] for each in parts if each["invoice_id"] == invoice["invoice_id"]), ZERO)
        if gone:
            kept = [each for each in parts if each["invoice_id"] != invoice["invoice_id"]]
            unused = payment["unused_amount"] + gone
            org.books.change("customerpayments", payment, {"invoices": kept, "unused_amount": unused})
    for note in list(org.books.tables["creditnotes"].values()):
        for row in note.get("invoices_credited", ()):
            if row["invoice_id"] == invoice["invoice_id"]:
                unapply_credits(org, note["creditnote_id"], row["creditnote_invoice_id"])
