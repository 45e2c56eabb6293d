"""Customer payments and refunds, with what they settle; checks and deposits against accounts."""

from decimal import Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.netsuite.checks import (
    active,
    exchange,
    free_number,
    header,
    links,
    oldest_first,
    segments,
    wants_auto_apply,
)
from integrations.sandbox.netsuite.company import Company
from integrations.sandbox.netsuite.faults import missing, user_error
from integrations.sandbox.netsuite.store import ZERO, Link, Posting, Record

_MONEY_ACCOUNTS = ("Bank", "OthCurrAsset", "CredCard", "OthCurrLiab")


def payment(company: Company, kind: str, body: Json, old: Record | None) -> Record:
    """Check a customer payment. Raises VendorFault."""
    party = active(company, "customer", body.get("customer"), "customer")
    fields, money = header(company, body, party=party, receivable=True)
    free_number(company, kind, body.get("tranId"), old)
    if body.get("payment") is None:
        raise missing("payment")
    amount = money.exact(body["payment"], "payment")
    if amount <= 0:
        raise user_error("The payment amount must be positive.", "payment")
    if body.get("account") and body.get("undepFunds", {}).get("id") == "T":
        raise user_error("A payment goes to an account or to undeposited funds, not to both.", "account")
    account = _account(company, body)
    settled = links(company, body, party, money, ("invoice",), old)
    if not settled and old is None and wants_auto_apply(company, body):
        settled = oldest_first(company, party, amount)
    _enough(settled, amount)
    receivable = (body.get("arAcct") or {}).get("id") or company.role("receivable")
    gained = exchange(company, settled, money)
    postings = [
        Posting(account, amount, money.base(amount), entity=party.id, is_main=True, memo=body.get("memo", "")),
        Posting(receivable, -amount, money.base(-amount) - gained, entity=party.id),
        *_exchange(company, gained),
    ]
    fields |= {"payment": amount, "account": {"id": account}, "arAcct": {"id": receivable}}
    fields["tranId"] = body.get("tranId") or (old.data["tranId"] if old else company.next_number(kind, "PYMT"))
    fields["apply"] = [{"doc": {"id": link.doc}, "apply": True, "amount": link.amount} for link in settled]
    return Record(kind, "", fields, postings, settled)


def refund(company: Company, kind: str, body: Json, old: Record | None) -> Record:
    """Check a refund: its amount is what it is applied to, credits and unapplied payments. Raises VendorFault."""
    party = active(company, "customer", body.get("customer"), "customer")
    fields, money = header(company, body, party=party, receivable=True)
    free_number(company, kind, body.get("tranId"), old)
    account = _account(company, body)
    if company.preferences["PaymentOptionMandatory"] and not body.get("paymentOption"):
        raise missing("paymentOption")
    settled = links(company, body, party, money, ("creditMemo", "customerPayment"), old)
    if not settled:
        raise user_error("You must apply this refund to at least one open credit.", "apply")
    amount: Decimal = sum((link.amount for link in settled), ZERO)
    receivable = (body.get("arAcct") or {}).get("id") or company.role("receivable")
    gained = -exchange(company, settled, money)
    postings = [
        Posting(account, -amount, money.base(-amount), entity=party.id, is_main=True, memo=body.get("memo", "")),
        Posting(receivable, amount, money.base(amount) - gained, entity=party.id),
        *_exchange(company, gained),
    ]
    fields |= {"account": {"id": account}, "arAcct": {"id": receivable}, "total": amount}
    fields["tranId"] = body.get("tranId") or (old.data["tranId"] if old else company.next_number(kind, "RFND"))
    fields["apply"] = [{"doc": {"id": link.doc}, "apply": True, "amount": link.amount} for link in settled]
    return Record(kind, "", fields, postings, settled)


def check(company: Company, kind: str, body: Json, old: Record | None) -> Record:
    """Check a check: money that leaves an account for others. Raises VendorFault."""
    return _moved(company, kind, body, old, sublist="expense", sign=1, prefix="CHK")


def deposit(company: Company, kind: str, body: Json, old: Record | None) -> Record:
    """Check a deposit: money that comes into an account from others. Raises VendorFault."""
    return _moved(company, kind, body, old, sublist="other", sign=-1, prefix="DEP")


def _moved(
    company: Company, kind: str, body: Json, old: Record | None, *, sublist: str, sign: int, prefix: str
) -> Record:
    if not body.get("account"):
        raise missing("account")
    account = _account(company, body)
    fields, money = header(company, body, party=None, receivable=False)
    free_number(company, kind, body.get("tranId"), old)
    if not body.get(sublist):
        raise missing(sublist)
    postings, total = [], ZERO
    for number, line in enumerate(body[sublist]):
        path = f"{sublist}.items[{number}]"
        other = active(company, "account", line.get("account"), f"{path}.account")
        if other.data["acctType"]["id"] in ("AcctRec", "AcctPay"):
            raise user_error(
                "This sandbox takes lines on receivables and payables through their own records only.", path
            )
        if line.get("amount") is None:
            raise missing(f"{path}.amount")
        amount = money.exact(line["amount"], f"{path}.amount")
        total += amount
        entity = (line.get("entity") or line.get("customer") or body.get("entity") or {}).get("id", "")
        where = segments(line, body)
        memo = line.get("memo", "")
        postings.append(Posting(other.id, sign * amount, money.base(sign * amount), entity=entity, memo=memo, **where))
    if total <= 0:
        raise user_error("The amount must be positive.", sublist)
    main = -sum((each.amount for each in postings), ZERO)
    base = -sum((each.base for each in postings), ZERO)
    postings.insert(0, Posting(account, main, base, is_main=True, memo=body.get("memo", "")))
    fields |= {"account": {"id": account}, "total": total}
    fields["tranId"] = body.get("tranId") or (old.data["tranId"] if old else company.next_number(kind, prefix))
    return Record(kind, "", fields, postings, [])


def _exchange(company: Company, gained: Decimal) -> list[Posting]:
    """Give the realized gain or loss that receivables leave: they go at the rates of what is settled."""
    return [Posting(company.role("exchange"), ZERO, gained)] if gained else []


def _account(company: Company, body: Json) -> str:
    if not body.get("account"):
        return company.role("deposits")
    account = active(company, "account", body["account"], "account")
    if account.data["acctType"]["id"] not in _MONEY_ACCOUNTS:
        raise user_error(f"You cannot use the account {account.name} for payments.", "account")
    return account.id


def _enough(settled: list[Link], amount: Decimal) -> None:
    applied: Decimal = sum((link.amount for link in settled), ZERO)
    if applied > amount:
        raise user_error(f"You may not apply more ({applied}) than the payment amount ({amount}).", "apply")
