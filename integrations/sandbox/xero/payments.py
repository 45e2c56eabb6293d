"""Payments, refunds, money on account, and credits let settle invoices."""

import uuid
from decimal import Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.xero.errors import Invalid
from integrations.sandbox.xero.organisation import Organisation, exact, exact_rate, to_base
from integrations.sandbox.xero.sales import CREDIT_NOTE, INVOICE, settle
from integrations.sandbox.xero.store import ZERO, Posting, Record, day, day_of

_CREDITS = {"CreditNote": "ARCREDITPAYMENT", "Overpayment": "AROVERPAYMENTPAYMENT", "Prepayment": "ARPREPAYMENTPAYMENT"}
_TOLD = ("Type", "Contact", "CurrencyCode")  # Of a credit note that is named as an invoice.


def create(organisation: Organisation, sent: Json) -> Record:
    """Check a payment of an invoice, or a refund of a credit, and keep it. Raises Invalid."""
    named = [name for name in ("Invoice", *_CREDITS) if sent.get(name)]
    if len(named) != 1:
        raise Invalid("A payment must be applied to exactly one document.")
    entity = named[0]
    target = _document(organisation, entity, sent[entity])
    if "Amount" not in sent or sent["Amount"] <= 0:
        raise Invalid("Payment Amount must be greater than zero.")
    amount = exact(sent["Amount"], "Amount")
    wrong: list[str] = []
    if target.data["Status"] != "AUTHORISED":
        wrong.append("Payments can only be made against Authorised documents")
    if amount > target.data["AmountDue" if entity == "Invoice" else "RemainingCredit"]:
        wrong.append("Payment amount exceeds the amount outstanding on this document")
    if wrong:
        raise Invalid(*wrong)
    if not sent.get("Date"):
        raise Invalid("Payment Date must be specified.")
    organisation.unlocked(sent["Date"])
    bank = _bank(organisation, sent.get("Account"), must_be_bank=False)
    code = target.data["CurrencyCode"]
    if code == organisation.base and sent.get("CurrencyRate", 1) != 1:
        raise Invalid("A CurrencyRate is only for documents in other currencies.")
    rate = exact_rate(sent["CurrencyRate"]) if "CurrencyRate" in sent else Decimal(target.data["CurrencyRate"])
    sign = 1 if entity == "Invoice" else -1
    data: Json = {
        "Date": day(sent["Date"]),
        "Amount": amount,
        "BankAmount": amount,
        "CurrencyRate": rate,
        "Reference": sent.get("Reference", ""),
        "Status": "AUTHORISED",
        "PaymentType": _CREDITS.get(entity, "ACCRECPAYMENT"),
        "IsReconciled": sent.get("IsReconciled", False),
        "HasAccount": True,
        "HasValidationErrors": False,
        "Account": {"AccountID": bank.id, "Code": bank.data.get("Code", "")},
        **_shown(organisation, entity, target),
    }
    record = organisation.books.add("Payment", data, _postings(organisation, bank, target, sign * amount, rate))
    _note(organisation, target, "Payments", {"PaymentID": record.id, "Date": data["Date"], "Amount": amount})
    return record


def delete(organisation: Organisation, record: Record) -> Record:
    """Take a payment back. Raises Invalid."""
    if record.data["Status"] == "DELETED":
        raise Invalid("This payment has been deleted already.")
    organisation.unlocked(day_of(record.data["Date"]))
    entity = next((name for name, kind in _CREDITS.items() if kind == record.data["PaymentType"]), "Invoice")
    shown = entity if entity in record.data else "Invoice"
    target = organisation.books.tables[entity][record.data[shown][f"{shown}ID"]]
    organisation.books.replace(record, record.data | {"Status": "DELETED"}, ())
    rest = [each for each in target.data["Payments"] if each["PaymentID"] != record.id]
    organisation.books.change(target, Payments=rest)
    _settle(organisation, target)
    return record


def receive(organisation: Organisation, sent: Json) -> Record:
    """Keep money received on account: an overpayment, behind its bank transaction; or plain money. Raises Invalid."""
    if sent.get("Type") in ("SPEND", "RECEIVE"):
        return _plain(organisation, sent)
    if sent.get("Type") != "RECEIVE-OVERPAYMENT":
        raise Invalid("This sandbox takes bank transactions of the types SPEND, RECEIVE and RECEIVE-OVERPAYMENT only.")
    contact = organisation.contact(sent.get("Contact"))
    bank = _bank(organisation, sent.get("BankAccount"), must_be_bank=True)
    code, rate = organisation.money(sent)
    if not sent.get("Date"):
        sent = sent | {"Date": organisation.today()}
    organisation.unlocked(sent["Date"])
    rows = sent.get("LineItems") or []
    if len(rows) != 1 or sent.get("LineAmountTypes") != "NoTax":
        raise Invalid("An overpayment has one line item and the LineAmountTypes NoTax.")
    (row,) = rows
    receivable = organisation.system("DEBTORS")
    if row.get("AccountCode", receivable.data["Code"]) != receivable.data["Code"]:
        raise Invalid(f"Account code '{row['AccountCode']}' is not a valid code for this document.")
    if not row.get("Description"):
        raise Invalid("Description must be specified.")
    amount = exact(row.get("Quantity", Decimal(1)) * row.get("UnitAmount", ZERO), "UnitAmount")
    if amount <= 0:
        raise Invalid("The total of an overpayment must be greater than zero.")
    line = {"LineItemID": str(uuid.uuid4()), "Description": row["Description"], "UnitAmount": amount}
    line |= {"Quantity": Decimal(1), "LineAmount": amount}
    line |= {"AccountCode": receivable.data["Code"], "TaxType": "NONE", "TaxAmount": ZERO, "Tracking": []}
    shared: Json = {
        "Type": "RECEIVE-OVERPAYMENT",
        "Contact": {"ContactID": contact.id, "Name": contact.data["Name"]},
        "Date": day(sent["Date"]),
        "DateString": f"{sent['Date']}T00:00:00",
        "Status": "AUTHORISED",
        "LineAmountTypes": "NoTax",
        "LineItems": [line],
        "SubTotal": amount,
        "TotalTax": ZERO,
        "Total": amount,
        "CurrencyCode": code,
        "CurrencyRate": rate,
        "HasAttachments": False,
    }
    credit = organisation.books.add(
        "Overpayment", shared | {"RemainingCredit": amount, "Allocations": [], "Payments": []}, ()
    )
    account = {"AccountID": bank.id, "Code": bank.data.get("Code", ""), "Name": bank.data["Name"]}
    rows = [Posting(bank.id, to_base(amount, rate)), Posting(receivable.id, -to_base(amount, rate))]
    return organisation.books.add(
        "BankTransaction",
        shared | {"BankAccount": account, "OverpaymentID": credit.id, "IsReconciled": False},
        rows,
    )


def _plain(organisation: Organisation, sent: Json) -> Record:
    """Keep money spent or received at once, against accounts. Raises Invalid."""
    contact = organisation.contact(sent.get("Contact"))
    bank = _bank(organisation, sent.get("BankAccount"), must_be_bank=True)
    if "CurrencyCode" in sent:
        raise Invalid("Setting currency is only supported on overpayments.")
    code, rate = organisation.money(sent | {"CurrencyCode": bank.data["CurrencyCode"]})
    on = sent.get("Date") or organisation.today()
    organisation.unlocked(on)
    if sent.get("LineAmountTypes", "Exclusive") != "NoTax":
        raise Invalid("This sandbox takes bank transactions without tax only: send LineAmountTypes NoTax.")
    if sent.get("Status", "AUTHORISED") != "AUTHORISED":
        raise Invalid("A new bank transaction has the status AUTHORISED.")
    sign = 1 if sent["Type"] == "SPEND" else -1
    lines, postings, total = [], [], ZERO
    for row in sent.get("LineItems") or ():
        account = organisation.account(row)
        if account.data["Type"] in ("BANK", "INVENTORY") or account.data.get("SystemAccount"):
            raise Invalid(f"Account code '{account.data.get('Code', '')}' is not a valid code for this document.")
        if not row.get("Description"):
            raise Invalid("Description must be specified.")
        amount = exact(row.get("Quantity", Decimal(1)) * row.get("UnitAmount", ZERO), "UnitAmount")
        organisation.tax_rate(row.get("TaxType"), account)
        shown = {"Description": row["Description"], "UnitAmount": amount, "Quantity": Decimal(1), "LineAmount": amount}
        shown |= {"AccountCode": account.data["Code"], "TaxType": "NONE", "TaxAmount": ZERO}
        lines.append(shown | {"Tracking": organisation.tracking(row.get("Tracking") or [])})
        postings.append(Posting(account.id, sign * to_base(amount, rate)))
        total += amount
    if not lines:
        raise Invalid("At least one line item must be specified.")
    if total <= 0:
        raise Invalid("The total of a bank transaction must be greater than zero.")
    postings.append(Posting(bank.id, -sum((each.amount for each in postings), ZERO)))
    data: Json = {
        "Type": sent["Type"],
        "Contact": {"ContactID": contact.id, "Name": contact.data["Name"]},
        "BankAccount": {"AccountID": bank.id, "Code": bank.data.get("Code", ""), "Name": bank.data["Name"]},
        "Date": day(on),
        "DateString": f"{on}T00:00:00",
        "Reference": sent.get("Reference", ""),
        "Status": "AUTHORISED",
        "LineAmountTypes": "NoTax",
        "LineItems": lines,
        "SubTotal": total,
        "TotalTax": ZERO,
        "Total": total,
        "CurrencyCode": code,
        "CurrencyRate": rate,
        "IsReconciled": False,
        "HasAttachments": False,
    }
    return organisation.books.add("BankTransaction", data, postings)


def take_back(organisation: Organisation, record: Record) -> Record:
    """Delete money received on account, or plain money. Raises Invalid."""
    if "OverpaymentID" not in record.data:
        organisation.unlocked(day_of(record.data["Date"]))
        organisation.books.replace(record, record.data | {"Status": "DELETED"}, ())
        return record
    credit = organisation.books.tables["Overpayment"][record.data["OverpaymentID"]]
    if record.data["Status"] != "AUTHORISED":
        raise Invalid("This bank transaction has been deleted already.")
    if credit.data["Allocations"] or credit.data["Payments"]:
        raise Invalid("This overpayment cannot be voided as it has been allocated or refunded.")
    if not organisation.preferences["OverpaymentsCanBeDeleted"]:
        raise Invalid("Deletes are not supported for overpayment transactions.")
    organisation.unlocked(day_of(record.data["Date"]))
    organisation.books.replace(record, record.data | {"Status": "DELETED"}, ())
    organisation.books.change(credit, Status="VOIDED", RemainingCredit=ZERO)
    return record


def allocate(organisation: Organisation, entity: str, credit: Record, sent: Json) -> Json:
    """Let a credit note or overpayment settle part of an invoice. Raises Invalid."""
    for name in ("Amount", "Date", "Invoice"):
        if not sent.get(name):
            raise Invalid(f"{name} must be specified.")
    amount = exact(sent["Amount"], "Amount")
    invoice = _document(organisation, "Invoice", sent["Invoice"])
    if credit.data["Status"] != "AUTHORISED":
        raise Invalid("Only an authorised credit can be allocated.")
    if invoice.data["Status"] != "AUTHORISED":
        raise Invalid("Credits can only be allocated to Authorised documents")
    if amount <= 0 or amount > credit.data["RemainingCredit"]:
        raise Invalid("The amount allocated exceeds the remaining credit.")
    if amount > invoice.data["AmountDue"]:
        raise Invalid("The amount allocated exceeds the amount outstanding on this document.")
    same = ("Contact", "CurrencyCode")
    if any(credit.data[name] != invoice.data[name] for name in same):
        raise Invalid("A credit can only be allocated to documents of the same contact and currency.")
    organisation.unlocked(sent["Date"])
    allocation: Json = {
        "AllocationID": str(uuid.uuid4()),
        "Amount": amount,
        "Date": day(sent["Date"]),
        "Invoice": {"InvoiceID": invoice.id, "InvoiceNumber": invoice.data["InvoiceNumber"]},
    }
    organisation.books.change(credit, Allocations=[*credit.data["Allocations"], allocation])
    applied = {f"{entity}ID": credit.id, "AppliedAmount": amount, "Date": allocation["Date"]}
    applied["AllocationID"] = allocation["AllocationID"]
    organisation.books.change(invoice, **{f"{entity}s": [*invoice.data[f"{entity}s"], applied]})
    _settle(organisation, credit)
    settle(organisation, invoice, INVOICE)
    return allocation


def unallocate(organisation: Organisation, entity: str, credit: Record, allocation_id: str) -> Json | None:
    """Take an allocation back; None where there is none of that id."""
    gone = next((each for each in credit.data["Allocations"] if each["AllocationID"] == allocation_id), None)
    if gone is None:
        return None
    invoice = organisation.books.tables["Invoice"][gone["Invoice"]["InvoiceID"]]
    organisation.unlocked(day_of(gone["Date"]))
    rest = [each for each in credit.data["Allocations"] if each is not gone]
    organisation.books.change(credit, Allocations=rest)
    names = f"{entity}s"
    kept = [each for each in invoice.data[names] if each["AllocationID"] != allocation_id]
    organisation.books.change(invoice, **{names: kept})
    _settle(organisation, credit)
    settle(organisation, invoice, INVOICE)
    return {"AllocationID": allocation_id, "IsDeleted": True}


def _note(organisation: Organisation, target: Record, name: str, row: Json) -> None:
    organisation.books.change(target, **{name: [*target.data[name], row]})
    _settle(organisation, target)


def _settle(organisation: Organisation, target: Record) -> None:
    settle(organisation, target, INVOICE if target.entity == "Invoice" else CREDIT_NOTE)


def _document(organisation: Organisation, entity: str, named: Json) -> Record:
    number = named.get(f"{entity}ID")
    found = organisation.books.get(entity, number) if number else None
    if found is None and named.get(f"{entity}Number"):
        found = next(iter(organisation.books.having(entity, f"{entity}Number", named[f"{entity}Number"])), None)
    if found is None:
        raise Invalid(f"{entity} could not be found")
    return found


def _bank(organisation: Organisation, named: Json | None, *, must_be_bank: bool) -> Record:
    if not named:
        raise Invalid("Account must be specified.")
    account = organisation.account({"AccountID": named.get("AccountID"), "Code": named.get("Code")})
    if account.data["Type"] != "BANK" and (must_be_bank or not account.data["EnablePaymentsToAccount"]):
        raise Invalid("Payments can only be made to bank accounts or accounts with payments enabled.")
    return account


def _shown(organisation: Organisation, entity: str, target: Record) -> Json:
    """Name what is paid; a credit note under either of the names that people have seen."""
    named = _named(entity, target)
    if entity == "CreditNote" and organisation.preferences["RefundsNameInvoices"]:
        entity, named = "Invoice", {"InvoiceID": target.id} | {name: named[name] for name in _TOLD}
    if organisation.preferences["PaymentsNameIdsOnly"]:
        named = {f"{entity}ID": target.id}
    return {entity: named}


def _named(entity: str, target: Record) -> Json:
    data = target.data
    shown = {f"{entity}ID": target.id, "Contact": data["Contact"], "CurrencyCode": data["CurrencyCode"]}
    if f"{entity}Number" in data:
        shown[f"{entity}Number"] = data[f"{entity}Number"]
    return shown | {"Type": data["Type"], "HasErrors": False}


def _postings(
    organisation: Organisation, bank: Record, target: Record, amount: Decimal, rate: Decimal
) -> list[Posting]:
    """Money at the payment's rate against receivables at the document's; the rest is gain or loss on exchange."""
    got, settled = to_base(amount, rate), to_base(amount, target.data["CurrencyRate"])
    rows = [Posting(bank.id, got), Posting(organisation.system("DEBTORS").id, -settled)]
    if got != settled:
        rows.append(Posting(organisation.system("REALISEDCURRENCYGAIN").id, settled - got))
    return rows
