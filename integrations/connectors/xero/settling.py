"""Money received, as Xero keeps it: one Payment for each invoice, and an Overpayment for the rest on account.

One payment of ours may so be several objects there. All carry our reference, and every change starts from what Xero
holds, so that whatever was done before is not done twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from integrations.connectors.base import Delivered, DeliveryError, Rejected, UnknownOutcome
from integrations.connectors.jsontext import decimal, dumps
from integrations.connectors.xero import objects
from integrations.connectors.xero.client import Client, JsonObject, message_of
from integrations.connectors.xero.errors import error_of, messages_of
from integrations.connectors.xero.payloads import tag, tagged
from integrations.connectors.xero.reader import Reader
from integrations.documents import Kind

_ZERO = Decimal(0)


@dataclass
class Held:
    """What Xero holds of one payment of ours: its live payments, and its overpayments with their lines."""

    payments: list[JsonObject] = field(default_factory=list)
    credits: list[JsonObject] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.payments and not self.credits

    @property
    def external_id(self) -> str:
        return str(self.payments[0]["PaymentID"] if self.payments else self.credits[0]["OverpaymentID"])

    @property
    def total(self) -> Decimal:
        paid = sum((decimal(each.get("Amount")) for each in self.payments), _ZERO)
        return paid + sum((decimal(each.get("Total")) for each in self.credits), _ZERO)

    def settled(self) -> dict[str, Decimal]:
        """Give what each invoice got, of payments and of overpayments allocated to it."""
        amounts: dict[str, Decimal] = defaultdict(Decimal)
        for payment in self.payments:
            amounts[invoice_of(payment)] += decimal(payment.get("Amount"))
        for credit in self.credits:
            for each in credit.get("Allocations") or ():
                amounts[invoice_of(each)] += decimal(each.get("Amount"))
        return {invoice: amount for invoice, amount in amounts.items() if amount}


def invoice_of(found: JsonObject) -> str:
    """Give the invoice that a payment or allocation settles."""
    return str((found.get("Invoice") or {}).get("InvoiceID", ""))


class Settling:
    """Bringing what Xero holds of a payment to what we want. Raises DeliveryError."""

    def __init__(self, client: Client, base_url: str) -> None:
        self._client, self._reader, self._base_url = client, Reader(client), base_url

    def held(self, bodies: Sequence[JsonObject]) -> dict[str, Held]:
        """Read what Xero holds of these payments, by our reference."""
        found: dict[str, Held] = {str(body["Reference"]): Held() for body in bodies}
        for payment in self._reader.having("Payments", "Reference", list(found)):
            reference = str(payment.get("Reference") or "")
            if payment.get("Status") == "AUTHORISED" and reference in found and not objects.is_refund(payment):
                found[reference].payments.append(payment)
        for contact in {str(body["ContactID"]) for body in bodies if may_have_credit(body)}:
            for credit in self.credits_of(contact):
                if (reference := reference_of_credit(credit)) in found:
                    found[reference].credits.append(credit)
        return found

    def credits_of(self, contact: str) -> Iterable[JsonObject]:
        """Read a contact's overpayments that are not void."""
        where = f'Contact.ContactID==guid("{contact}")'
        for credit in whole(self._reader, self._reader.pages("Overpayments", where=where)):
            if credit.get("Status") != "VOIDED":
                yield credit

    def reach(self, body: JsonObject, held: Held, *, key: str) -> Delivered:
        """Make Xero hold exactly this payment."""
        wanted = {str(each["InvoiceID"]): decimal(each["Amount"]) for each in body["Parts"]}
        settled = held.settled()
        if not held.is_empty and held.total == decimal(body["Amount"]) and settled == wanted:
            return self.delivered(body, held)
        self._withdraw(held, wanted, key)
        open_parts = {invoice: amount - held.settled().get(invoice, _ZERO) for invoice, amount in wanted.items()}
        self._allocate(body, held, open_parts, key)
        fresh = [(invoice, amount) for invoice, amount in open_parts.items() if amount > 0]
        if fresh:
            self._pay(body, fresh, key)
        rest = decimal(body["Amount"]) - held.total - sum((amount for _, amount in fresh), _ZERO)
        if rest > 0:
            self._receive(body, rest, key)
        elif rest < 0:
            raise Rejected(
                "payment_differs",
                f"Xero holds {-rest} more of this payment than we do, on the customer's account. Refund or delete that there, "
                "then send this item again.",
            )
        held = self.held([body])[str(body["Reference"])]
        if held.is_empty:
            raise UnknownOutcome("Xero does not show the payment yet. It is checked and tried again.")
        return self.delivered(body, held)

    def undo(self, held: Held, *, key: str) -> None:
        """Take a payment back, all of it."""
        self._withdraw(held, {}, key)
        for credit in held.credits:
            for found in self._transactions(credit):
                sent = dumps({"BankTransactions": [_deleted(found)]})
                path = f"BankTransactions/{found['BankTransactionID']}"
                try:
                    self._accepted(self._client.write("POST", path, sent, key=key), "BankTransactions")
                except Rejected as error:
                    raise _stays(credit, error) from error

    def delivered(self, body: JsonObject, held: Held) -> Delivered:
        """Say that Xero holds the payment."""
        external_id = held.external_id
        return Delivered(
            external_id, "", objects.page(Kind.PAYMENT, external_id, self._base_url), str(body["Reference"])
        )

    def _withdraw(self, held: Held, wanted: dict[str, Decimal], key: str) -> None:
        """Take back what settles an invoice that is not wanted, or with more than is wanted."""
        settled = held.settled()
        wrong = {invoice for invoice, amount in settled.items() if amount > wanted.get(invoice, _ZERO)}
        for credit in held.credits:
            for each in list(credit.get("Allocations") or ()):
                if invoice_of(each) in wrong:
                    self._client.delete(f"Overpayments/{credit['OverpaymentID']}/Allocations/{each['AllocationID']}")
                    credit["Allocations"].remove(each)
                    credit["RemainingCredit"] = decimal(credit.get("RemainingCredit")) + decimal(each.get("Amount"))
        for payment in list(held.payments):
            if invoice_of(payment) in wrong:
                path, sent = f"Payments/{payment['PaymentID']}", dumps({"Status": "DELETED"})
                self._accepted(self._client.write("POST", path, sent, key=key))
                held.payments.remove(payment)

    def _allocate(self, body: JsonObject, held: Held, open_parts: dict[str, Decimal], key: str) -> None:
        """Let what is left on account settle open parts."""
        for credit in held.credits:
            left = decimal(credit.get("RemainingCredit"))
            rows = []
            for invoice, needed in open_parts.items():
                part = min(left, needed)
                if part > 0:
                    rows.append({"Amount": part, "Date": body["AllocationDate"], "Invoice": {"InvoiceID": invoice}})
                    open_parts[invoice] -= part
                    left -= part
            if rows:
                path, sent = f"Overpayments/{credit['OverpaymentID']}/Allocations", dumps({"Allocations": rows})
                answer = self._client.write("PUT", path, sent, key=key, summarizeErrors="false")
                self._accepted(answer, "Allocations")

    def _pay(self, body: JsonObject, parts: Sequence[tuple[str, Decimal]], key: str) -> None:
        rows = [payment_of(body, invoice, amount) for invoice, amount in parts]
        answer = self._client.write("PUT", "Payments", dumps({"Payments": rows}), key=key, summarizeErrors="false")
        self._accepted(answer, "Payments")

    def _receive(self, body: JsonObject, rest: Decimal, key: str) -> None:
        """Keep the rest on the customer's account, as an overpayment; its line carries our reference."""
        line = {
            "Description": f"{body['Note']} {tag(str(body['Reference']))}".strip(),
            "Quantity": 1,
            "UnitAmount": rest,
        }
        row: JsonObject = {
            "Type": "RECEIVE-OVERPAYMENT",
            "Contact": {"ContactID": body["ContactID"]},
            "BankAccount": {"AccountID": body["AccountID"]},
            "Date": body["Date"],
            "LineAmountTypes": "NoTax",
            "LineItems": [line],
            **body["Currency"],
        }
        sent = dumps({"BankTransactions": [row]})
        answer = self._client.write("PUT", "BankTransactions", sent, key=key, summarizeErrors="false")
        self._accepted(answer, "BankTransactions")

    def _transactions(self, credit: JsonObject) -> list[JsonObject]:
        where = f'Type=="RECEIVE-OVERPAYMENT" AND Contact.ContactID==guid("{credit["Contact"]["ContactID"]}")'
        rows = self._reader.pages("BankTransactions", where=where)
        return [
            each
            for each in rows
            if each.get("OverpaymentID") == credit["OverpaymentID"] and each.get("Status") == "AUTHORISED"
        ]

    @staticmethod
    def _accepted(answer: Any, name: str = "") -> None:
        """Raise what the answer says is wrong with anything in it."""
        wrong = [words for each in answer.body.get(name) or () for words in messages_of(each)]
        if wrong or not answer.is_ok:
            raise _first_error(answer.body, wrong)


def _deleted(found: JsonObject) -> JsonObject:
    """Write a bank transaction as deleted; by the contract its type, account and lines are told each time."""
    names = ("LineItemID", "Description", "Quantity", "UnitAmount")
    return {
        "BankTransactionID": found["BankTransactionID"],
        "Type": found["Type"],
        "BankAccount": {"AccountID": found["BankAccount"]["AccountID"]},
        "LineItems": [{name: line[name] for name in names if name in line} for line in found["LineItems"]],
        "Status": "DELETED",
    }


def _first_error(body: JsonObject, wrong: Sequence[str]) -> DeliveryError:
    return error_of(wrong or [message_of(body)])


def may_have_credit(body: JsonObject) -> bool:
    """Tell whether money of this payment may be, or may have been, on account."""
    return bool(body["Update"]) or sum((decimal(each["Amount"]) for each in body["Parts"]), _ZERO) < decimal(
        body["Amount"]
    )


def payment_of(body: JsonObject, invoice: str, amount: Decimal) -> JsonObject:
    """Write the Payment of one invoice."""
    rate = {"CurrencyRate": body["Currency"]["CurrencyRate"]} if "CurrencyRate" in body["Currency"] else {}
    return {
        "Invoice": {"InvoiceID": invoice},
        "Account": {"AccountID": body["AccountID"]},
        "Date": body["Date"],
        "Amount": amount,
        "Reference": body["Reference"],
        **rate,
    }


def _stays(credit: JsonObject, error: Rejected) -> Rejected:
    """Say what to do about an overpayment that Xero keeps: it is not published that its interface could delete one."""
    amount, code = decimal(credit.get("Total")), credit.get("CurrencyCode")
    return Rejected(
        "overpayment_stays",
        f"Xero keeps the overpayment of {amount} {code} that is part of this payment: {error.words} Open it in Xero and void "
        "it there, then send this item again.",
    )


def named(reader: Reader, payments: Sequence[JsonObject]) -> list[JsonObject]:
    """Give payments with whose and in what currency that is which they settle: only its id is published for certain.

    Invoices are read many at once, credits one by one.
    """
    bare = [each for each in payments if settles(each) and not _is_told(each[settles(each)])]
    invoices = {invoice_of(each) for each in bare if settles(each) == "Invoice"}
    found = {str(each["InvoiceID"]): each for each in reader.invoices(sorted(invoices))}
    for each in bare:
        name = settles(each)
        number = str(each[name][f"{name}ID"])
        # A refunded credit note stands under its own name, or as an Invoice that has the note's id.
        path = "CreditNotes" if name == "Invoice" else f"{name}s"
        each[name] = each[name] | (found.get(number) or reader.one(path, number) or {})
    return list(payments)


def settles(payment: JsonObject) -> str:
    """Give the field that names what a payment settles or pays back; an empty text where none does."""
    return next((name for name in ("CreditNote", "Overpayment", "Prepayment", "Invoice") if payment.get(name)), "")


def _is_told(document: JsonObject) -> bool:
    return bool(document.get("CurrencyCode") and (document.get("Contact") or {}).get("ContactID"))


def whole(reader: Reader, rows: Iterable[JsonObject]) -> Iterator[JsonObject]:
    """Give overpayments with their lines, which carry our reference. Xero's own examples of lists leave lines out."""
    for credit in rows:
        if credit.get("LineItems") or tagged(str(credit.get("Reference") or "")):
            yield credit
        else:
            yield reader.one("Overpayments", str(credit["OverpaymentID"])) or credit


def reference_of_credit(credit: JsonObject) -> str:
    """Give our reference on an overpayment, from the text of its lines; an empty text where it is not ours."""
    texts = [*(line.get("Description") for line in credit.get("LineItems") or ()), credit.get("Reference")]
    return next((found for text in texts if (found := tagged(str(text or "")))), "")
