"""Payments from customers, what they settle, and money paid back; expenses and deposits against accounts."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.zoho.errors import invalid, missing, rule
from integrations.sandbox.zoho.journals import money_of, use
from integrations.sandbox.zoho.organization import Organization
from integrations.sandbox.zoho.sales import release, settle
from integrations.sandbox.zoho.store import MODULES, ZERO, Money, Posting

_PATH = "customerpayments"
_NO_EXPENSES = ("accounts_receivable", "accounts_payable", "income", "other_income")
_MONEY = ("bank", "cash", "other_current_asset", "other_current_liability", "credit_card", "equity")


def save(org: Organization, body: Json, old: Json | None) -> Json:
    """Record or change a payment, in the customer's currency. Raises ZohoError, and then nothing has changed."""
    org.check_date("sales", body["date"], *([old["date"]] if old else []))
    org.check_tags(body)
    contact = org.customer(body["customer_id"])
    if old and old["customer_id"] != contact["contact_id"]:
        raise rule("The customer of a payment cannot be changed.")
    money = org.books.money(contact["currency_id"], body.get("exchange_rate"))
    amount = money.exact(body["amount"], "amount")
    if amount <= 0:
        raise invalid("amount")
    body = _with_tax(org, body)
    _check_single(body, empty_refused=org.preferences["EmptyIdsRefused"])
    account = org.account(body.get("account_id") or org.books.role("deposits"))
    if account["account_type"] not in _MONEY:
        raise invalid("account_id")
    applied = sum((each["amount_applied"] for each in body["invoices"]), ZERO)
    tax = _tax_account(org, body)
    refunded = old["amount_refunded"] if old else ZERO
    if applied + refunded > amount:
        raise rule("The total amount applied is more than the amount received.")
    before = list(old["invoices"]) if old else []
    fields = org.fields_of(_PATH, body, old)
    data = {
        "payment_number": old["payment_number"] if old else str(org.books.next_number(_PATH)),
        "payment_mode": body["payment_mode"],
        "amount": amount,
        "amount_refunded": refunded,
        "unused_amount": amount - applied - refunded,
        "date": body["date"],
        "status": "success",
        "reference_number": body.get("reference_number", ""),
        "description": body.get("description", ""),
        "customer_id": contact["contact_id"],
        "customer_name": contact["contact_name"],
        "invoices": _settle_all(org, before, body["invoices"], contact["contact_id"], money.id),
        **money.shown(),
        "bcy_amount": money.base(amount),
        "bcy_refunded_amount": money.base(refunded),
        "bank_charges": body.get("bank_charges", ZERO),
        "account_id": account["account_id"],
        "account_name": account["account_name"],
        "tax_account_id": tax.get("account_id", ""),
        "tax_account_name": tax.get("account_name", ""),
        "tax_amount_withheld": _withheld(body),
        "custom_fields": fields,
    }
    kept = org.books.add(_PATH, data) if old is None else org.books.change(_PATH, old, data)
    _post(org, kept)
    return kept


def delete(org: Organization, payment: Json) -> None:
    """Delete a payment that nothing was refunded of; its invoices are open again. Raises ZohoError."""
    org.check_date("sales", payment["date"])
    if payment["amount_refunded"]:
        raise rule("Payments which have been refunded cannot be deleted.")
    for part in payment["invoices"]:
        release(org, part["invoice_id"], _taken(part))
    org.books.remove(_PATH, payment)


def refund(org: Organization, path: str, of_id: str, body: Json) -> Json:
    """Pay back what a payment or credit note has left. Raises ZohoError."""
    source = org.books.need(path, of_id)
    day = body.get("date") or source["date"]
    org.check_date("sales", day)
    account = org.account(body["from_account_id"], "from_account_id")
    if account["account_type"] not in _MONEY:
        raise invalid("from_account_id")
    given = body.get("exchange_rate")
    money = org.books.money(source["currency_id"], Decimal(given or source["exchange_rate"]))
    amount = money.exact(body["amount"], "amount")
    left = source["unused_amount" if path == _PATH else "balance"]
    if amount <= 0:
        raise invalid("amount")
    if path == "creditnotes" and source["status"] != "open":
        raise rule("Only credit notes that are open can be refunded.")
    if amount > left:
        raise rule("The amount entered is more than the amount that is left to refund.")
    kind = "paymentrefunds" if path == _PATH else "creditnoterefunds"
    kept = org.books.add(
        kind,
        {
            MODULES[path].id: of_id,
            "date": day,
            "refund_mode": body.get("refund_mode", ""),
            "reference_number": body.get("reference_number", ""),
            "description": body.get("description", ""),
            "amount": amount,
            "amount_fcy": amount,
            "amount_bcy": money.base(amount),
            "from_account_id": account["account_id"],
            "customer_id": source["customer_id"],
            "customer_name": source["customer_name"],
            **money.shown(),
        },
    )
    if path == _PATH:
        refunded = source["amount_refunded"] + amount
        changes = {
            "unused_amount": left - amount,
            "amount_refunded": refunded,
            **_refunded_in_base(org, refunded, source),
        }
    else:
        changes = {"balance": left - amount, "status": "open" if left > amount else "closed"}
    org.books.change(path, source, changes)
    base = money.base(amount)
    org.books.post(
        kind,
        kept[MODULES[kind].id],
        [Posting(account["account_id"], -base, -amount), Posting(org.books.role("receivable"), base, amount)],
    )
    use(org, account["account_id"], source["customer_id"])
    return kept


def delete_refund(org: Organization, path: str, row: Json) -> None:
    """Take back a refund. Raises ZohoError."""
    kind = "paymentrefunds" if path == _PATH else "creditnoterefunds"
    org.check_date("sales", row["date"])
    source = org.books.need(path, row[MODULES[path].id])
    if path == _PATH:
        changes = {
            "unused_amount": source["unused_amount"] + row["amount"],
            "amount_refunded": source["amount_refunded"] - row["amount"],
            **_refunded_in_base(org, source["amount_refunded"] - row["amount"], source),
        }
    else:
        changes = {"balance": source["balance"] + row["amount"], "status": "open"}
    org.books.change(path, source, changes)
    org.books.remove(kind, row)


def _refunded_in_base(org: Organization, refunded: Decimal, payment: Json) -> Json:
    return {"bcy_refunded_amount": money_of(org, payment).base(refunded)}


def save_expense(org: Organization, body: Json, old: Json | None) -> Json:
    """Record an expense of one line, paid at once. Raises ZohoError."""
    spent = org.account(body["account_id"])
    if spent["account_type"] in (*_NO_EXPENSES, *_MONEY[:2]):
        raise invalid("account_id")
    paid = org.account(body.get("paid_through_account_id") or org.books.role("deposits"), "paid_through_account_id")
    money, amount = _moved(org, "purchases", body, old)
    if body.get("is_billable") and not body.get("customer_id"):
        raise invalid("customer_id")
    data = {
        "account_id": spent["account_id"],
        "account_name": spent["account_name"],
        "paid_through_account_id": paid["account_id"],
        "paid_through_account_name": paid["account_name"],
        "total": amount,
        "sub_total": amount,
        "bcy_total": money.base(amount),
        "is_billable": body.get("is_billable", False),
        "status": "nonbillable",
    }
    return _keep(org, "expenses", body, old, data, money, [(spent, amount), (_checked_money(paid), -amount)])


def save_bank_transaction(org: Organization, body: Json, old: Json | None) -> Json:
    """Record a deposit into an account of money, from one other account. Raises ZohoError."""
    if body["transaction_type"] not in ("deposit", "expense_refund"):
        raise invalid("transaction_type")
    for name in ("from_account_id", "to_account_id", "amount", "date"):
        if name not in body:
            raise invalid(name)
    source, target = org.account(body["from_account_id"], "from_account_id"), org.account(body["to_account_id"])
    if source["account_type"] in _NO_EXPENSES:
        raise invalid("from_account_id")
    money, amount = _moved(org, "banking", body, old)
    data = {
        "transaction_type": body["transaction_type"],
        "account_id": target["account_id"],
        "from_account_id": source["account_id"],
        "to_account_id": target["account_id"],
        "offset_account_name": source["account_name"],
        "amount": amount,
        "bcy_amount": money.base(amount),
        "status": "manually_added",
    }
    return _keep(org, "banktransactions", body, old, data, money, [(_checked_money(target), amount), (source, -amount)])


def delete_moved(org: Organization, path: str, record: Json) -> None:
    """Delete an expense or bank transaction. Raises ZohoError."""
    org.check_date("purchases" if path == "expenses" else "banking", record["date"])
    org.books.remove(path, record)


def _moved(org: Organization, module: str, body: Json, old: Json | None) -> tuple[Money, Decimal]:
    org.check_date(module, body["date"], *([old["date"]] if old else []))
    org.check_tags(body)
    money = org.books.money(body.get("currency_id") or org.books.home(), body.get("exchange_rate"))
    amount = money.exact(body["amount"], "amount")
    if amount <= 0:
        raise invalid("amount")
    return money, amount


def _checked_money(account: Json) -> Json:
    if account["account_type"] not in _MONEY:
        raise invalid("account_id")
    return account


def _keep(
    org: Organization,
    path: str,
    body: Json,
    old: Json | None,
    data: Json,
    money: Money,
    moved: Sequence[tuple[Json, Decimal]],
) -> Json:
    customer = org.customer(body["customer_id"]) if body.get("customer_id") else {}
    data = data | {
        "date": body["date"],
        "reference_number": body.get("reference_number", ""),
        "description": body.get("description", ""),
        "customer_id": customer.get("contact_id", ""),
        "customer_name": customer.get("contact_name", ""),
        **money.shown(),
    }
    kept = org.books.add(path, data) if old is None else org.books.change(path, old, data)
    postings = [Posting(account["account_id"], money.base(amount), amount) for account, amount in moved]
    org.books.post(path, kept[MODULES[path].id], postings)
    for account, _ in moved:
        use(org, account["account_id"], kept["customer_id"])
    return kept


def _check_single(body: Json, *, empty_refused: bool) -> None:
    """The contract wants the invoice twice: in the list, and for a single one beside it, empty where there is none."""
    if empty_refused and not body["invoices"]:
        if "invoice_id" in body:
            raise invalid("invoice_id")
        return
    for name in ("invoice_id", "amount_applied"):
        if name not in body:
            raise missing(name)
    parts = {each["invoice_id"]: each["amount_applied"] for each in body["invoices"]}
    if len(parts) != len(body["invoices"]):
        raise invalid("invoices")
    if not parts and not body["invoice_id"]:
        return
    if parts.get(body["invoice_id"]) != body["amount_applied"]:
        raise invalid("invoice_id")


def _settle_all(
    org: Organization, before: Sequence[Json], wanted: Sequence[Json], customer_id: str, currency_id: str
) -> list[Json]:
    """Settle invoices in place of those settled before; what fails leaves everything as it was."""
    undo: list[Callable[[], object]] = []
    for part in before:
        release(org, part["invoice_id"], _taken(part))
        undo.append(lambda part=part: settle(org, part, customer_id, currency_id))  # type: ignore[misc]
    done = []
    try:
        for part in wanted:
            invoice = settle(org, part, customer_id, currency_id)
            undo.append(lambda part=part: release(org, part["invoice_id"], _taken(part)))  # type: ignore[misc]
            done.append(
                {
                    "invoice_payment_id": org.books.new_id(),
                    "invoice_id": invoice["invoice_id"],
                    "invoice_number": invoice["invoice_number"],
                    "date": invoice["date"],
                    "invoice_amount": invoice["total"],
                    "amount_applied": Decimal(part["amount_applied"]),
                    "tax_amount_withheld": part.get("tax_amount_withheld", ZERO),
                    "balance_amount": invoice["balance"],
                }
            )
    except Exception:
        for step in reversed(undo):
            step()
        raise
    return done


def _post(org: Organization, payment: Json) -> None:
    money = money_of(org, payment)
    receivable = org.books.role("receivable")
    moved = [(payment["account_id"], payment["amount"])]
    if payment["tax_amount_withheld"]:
        moved.append((payment["tax_account_id"], payment["tax_amount_withheld"]))
    moved += [(receivable, -amount) for _, amount in moved]
    postings = [Posting(account, money.base(amount), amount) for account, amount in moved]
    org.books.post(_PATH, payment["payment_id"], postings)
    for account, _ in moved:
        use(org, account, payment["customer_id"])


def _with_tax(org: Organization, body: Json) -> Json:
    """Take tax withheld that stands beside the invoices, and with each, where this organization does."""
    tax, parts = body.get("tax_amount_withheld"), body["invoices"]
    if not org.preferences["WithheldOfEach"]:
        parts = [{name: value for name, value in part.items() if name != "tax_amount_withheld"} for part in parts]
        body = {**body, "invoices": parts}
    if not tax or not org.preferences["WithheldBeside"]:
        return body
    if len(parts) != 1 or "tax_amount_withheld" in parts[0]:
        raise invalid("tax_amount_withheld")
    accounts = org.books.tables["chartofaccounts"].values()
    own = next(each for each in accounts if each["account_type"] == "other_current_asset")
    return {**body, "invoices": [{**parts[0], "tax_amount_withheld": tax}], "tax_account_id": own["account_id"]}


def _taken(part: Json) -> Decimal:
    """What a payment takes off an invoice: what is applied, and the tax withheld on top."""
    return Decimal(part["amount_applied"] + part.get("tax_amount_withheld", ZERO))


def _withheld(body: Json) -> Decimal:
    return Decimal(sum((part.get("tax_amount_withheld", ZERO) for part in body["invoices"]), ZERO))


def _tax_account(org: Organization, body: Json) -> Json:
    """Give the account of the tax withheld, which has to be a current asset; none where nothing was withheld."""
    if any(part.get("tax_amount_withheld", ZERO) < 0 for part in body["invoices"]):
        raise invalid("tax_amount_withheld")
    if not _withheld(body):
        return {}
    if not body.get("tax_account_id"):
        raise missing("tax_account_id")
    account = org.account(body["tax_account_id"], "tax_account_id")
    if account["account_type"] != "other_current_asset":
        raise invalid("tax_account_id")
    return account
