"""Credits applied to invoices, and money paid back: what takes more than one request to QuickBooks.

A credit memo settles an invoice by a Payment of zero that links both. A refund is an expense on the receivables account
in the customer's name, linked by such a Payment to the credit memo, or by the customer's own Payment to what it left
unapplied: a RefundReceipt would take the revenue back a second time.
"""

from decimal import Decimal
from typing import Any

from integrations.connectors.base import Company, Delivered, MissingMapping, Outcome, Rejected
from integrations.connectors.jsontext import dumps, loads
from integrations.connectors.lengths import cut
from integrations.connectors.quickbooks import objects
from integrations.connectors.quickbooks.client import Client
from integrations.connectors.quickbooks.faults import read_faults
from integrations.connectors.quickbooks.payloads import DESCRIPTION, amount, currency_of, note, untaxed
from integrations.documents import CreditAllocationDocument, Kind, RefundDocument, VoidDocument

JsonObject = dict[str, Any]
_PURCHASE = "Purchase"
_EXPENSE = "Expense"  # What a Payment calls a Purchase of the type Cash.


def credit_allocation(document: CreditAllocationDocument, company: Company) -> str:
    """Write the Payment of zero that lets a CreditMemo settle invoices."""
    total = sum((part.amount for part in document.brings), Decimal(0))
    lines = [_link("Invoice", part.invoice, amount(part.amount, document.currency)) for part in document.brings]
    lines.append(_link("CreditMemo", document.credit_note, amount(total, document.currency)))
    return dumps(_zero(document, company) | {"Line": lines})


def refund(document: RefundDocument, company: Company) -> str:
    """Write the Purchase that pays back, and what it is linked to. Raises Rejected, MissingMapping."""
    if not document.receivable:
        raise MissingMapping(
            "account", None, "A refund needs the receivables account mapped. Map it, then send it again."
        )
    paid = amount(document.amount, document.currency)
    currency = currency_of(document.currency, document.rate, company)
    purchase: JsonObject = {
        "PaymentType": "Cash",
        "AccountRef": {"value": document.account},
        "EntityRef": {"value": document.customer, "type": "Customer"},
        "DocNumber": document.reference,
        "TxnDate": document.date.isoformat(),
        "PrivateNote": note(document.note, document.reference),
        **currency,
        **untaxed(company),
        "Line": [
            {
                "Amount": paid,
                "DetailType": "AccountBasedExpenseLineDetail",
                "Description": cut(document.note, DESCRIPTION),
                "AccountBasedExpenseLineDetail": {"AccountRef": {"value": document.receivable}},
            }
        ],
    }
    source: JsonObject = {"Payment": document.payment}
    if document.credit_note:
        source = {"CreditMemo": document.credit_note, "Link": _zero(document, company)}
    elif not document.payment:
        raise Rejected(
            "refund", "QuickBooks cannot tell what this refund pays back. Enter it there by hand, then skip this."
        )
    return dumps({"Purchase": purchase, "Amount": paid, **source})


def refund_void(document: VoidDocument) -> str:
    """Write which Purchase shall go, and the Payment that it is linked to."""
    return dumps({"Id": document.external_id, "Payment": document.payment})


def _zero(document: CreditAllocationDocument | RefundDocument, company: Company) -> JsonObject:
    return {
        "CustomerRef": {"value": document.customer},
        "TotalAmt": Decimal(0),
        "TxnDate": document.date.isoformat(),
        "PaymentRefNum": document.reference,
        "PrivateNote": note("", document.reference),
        **currency_of(document.currency, document.rate, company),
    }


def _link(kind: str, number: str, value: Decimal) -> JsonObject:
    return {"Amount": value, "LinkedTxn": [{"TxnId": number, "TxnType": kind}]}


class Settling:
    """Sends the two kinds, each step looked up before it is done."""

    def __init__(self, client: Client, base_url: str) -> None:
        self._client = client
        self._base_url = base_url

    def allocate(self, request_id: str, reference: str, body: str) -> Outcome:
        """Apply a credit memo, unless QuickBooks has applied it to the same invoices by itself."""
        done = self.allocated(reference, body)
        if done:
            return done
        answer = self._client.write("payment", body, request_id=request_id)
        faults = read_faults(answer)
        return faults[0].as_error() if faults else self._delivered("Payment", answer["Payment"])

    def allocated(self, reference: str, body: str) -> Outcome | None:
        """Say whether the credit is applied already: by us, or by the company's automatic application of credits."""
        wanted = objects.erp_document(Kind.PAYMENT, {"Id": "", **loads(body)}).linked
        memo = next(each for each in objects.links(loads(body)) if each[0] == "CreditMemo")[1]
        rows = self._client.query(f"select * from CreditMemo where Id = '{memo}'").get("CreditMemo", [])
        if not rows:
            return MissingMapping("reference", None, "QuickBooks no longer holds the credit memo. Skip this item.")
        for payment in self._payments_of(rows[0]):
            if objects.reference_in(Kind.PAYMENT, payment) not in ("", reference):
                continue  # Another application of ours, of the same credit.
            if set(wanted) <= set(objects.erp_document(Kind.PAYMENT, payment).linked):
                return self._delivered("Payment", payment)
        if not objects.left_of(rows[0]):
            return Rejected(
                "applied_elsewhere",
                "QuickBooks has applied this credit memo to other invoices by itself. Unapply it there and switch off "
                "'Automatically apply credits' in its settings, then send this item again.",
            )
        return None

    def refund(self, request_id: str, reference: str, body: str) -> Outcome:
        """Pay back and link, whichever of the two is missing."""
        wanted = loads(body)
        purchase = self._purchase(reference, wanted["Purchase"]["TxnDate"])
        if purchase is None:
            sent: JsonObject = wanted["Purchase"]
            # A rate is told for a foreign currency only, and each of those has receivables of its own.
            if "ExchangeRate" in sent:
                self._to_receivable_in(sent, objects.ref(sent, "CurrencyRef"))
            answer = self._client.write("purchase", dumps(sent), request_id=request_id)
            faults = read_faults(answer)
            if faults:
                return faults[0].as_error()
            purchase = answer[_PURCHASE]
        faults = [] if self._is_linked(wanted, purchase) else read_faults(self._tie(request_id, wanted, purchase))
        return faults[0].as_error() if faults else self._delivered("Expense", purchase)

    def refunded(self, reference: str, body: str) -> Outcome | None:
        """Say whether the refund is there and linked."""
        wanted = loads(body)
        purchase = self._purchase(reference, wanted["Purchase"]["TxnDate"])
        if purchase is None or not self._is_linked(wanted, purchase):
            return None
        return self._delivered("Expense", purchase)

    def delete_credit(self, request_id: str, body: str) -> Outcome:
        """Take a credit memo off the invoices it settles, then delete it: QuickBooks cannot void one."""
        number = str(loads(body)["Id"])
        memo = self._read("CreditMemo", number)
        if memo is None:
            return Delivered(number)
        for paid in self._payments_of(memo):
            if objects.decimal(paid.get("TotalAmt")):
                return Rejected(
                    "applied_elsewhere",
                    "In QuickBooks this credit memo is part of a payment that brought money. Take it out of that payment "
                    "there, then send this item again.",
                )
            answer = self._delete("payment", paid, request_id)
            if faults := read_faults(answer):
                return faults[0].as_error()
        memo = self._read("CreditMemo", number) or memo
        faults = read_faults(self._delete("creditmemo", memo, request_id))
        return faults[0].as_error() if faults else Delivered(number)

    def refund_is_gone(self, body: str) -> Outcome | None:
        """Say whether a refund is there no more."""
        number = str(loads(body)["Id"])
        return Delivered(number) if self._read(_PURCHASE, number) is None else None

    def delete_refund(self, request_id: str, body: str) -> Outcome:
        """Take a refund off the payment it paid back, which holds the money again, then delete it."""
        sent = loads(body)
        purchase, payment = self._read(_PURCHASE, str(sent["Id"])), self._read("Payment", str(sent["Payment"]))
        if purchase is None:
            return Delivered(str(sent["Id"]))
        used = (_EXPENSE, str(purchase["Id"]))
        links = objects.links(payment or {})
        if payment and any(each[:2] == used for each in links):
            kept = [_link(*each) for each in links if each[:2] != used]
            faults = read_faults(self._restate(request_id, payment, kept))
            if faults:
                return faults[0].as_error()
        faults = read_faults(self._delete("purchase", purchase, request_id))
        return faults[0].as_error() if faults else Delivered(str(purchase["Id"]))

    def _restate(self, request_id: str, payment: JsonObject, lines: list[JsonObject]) -> JsonObject:
        """State all that a payment is linked to; nothing else on it is touched."""
        token = str(payment["SyncToken"])
        kept = objects.kept(payment, ("Id", "CustomerRef", "TotalAmt", "CurrencyRef"))
        body: JsonObject = {**kept, "SyncToken": token, "sparse": True, "Line": lines}
        return self._client.write("payment", dumps(body), request_id=f"{request_id}-{token}")

    def _delete(self, path: str, found: JsonObject, request_id: str) -> JsonObject:
        token = str(found["SyncToken"])
        body = dumps({"Id": str(found["Id"]), "SyncToken": token})
        # A request id of its own for each object: the same id would give the first answer again.
        return self._client.write(path, body, request_id=f"{request_id}-{path[0]}{token}", operation="delete")

    def _tie(self, request_id: str, wanted: JsonObject, purchase: JsonObject) -> JsonObject:
        line = _link(_EXPENSE, str(purchase["Id"]), objects.decimal(wanted["Amount"]))
        if "CreditMemo" in wanted:
            credit = _link("CreditMemo", str(wanted["CreditMemo"]), objects.decimal(wanted["Amount"]))
            body = {**wanted["Link"], "Line": [line, credit]}
            return self._client.write("payment", dumps(body), request_id=f"{request_id}-link")
        payment = self._read("Payment", str(wanted["Payment"]))
        if payment is None:
            raise MissingMapping(
                "reference", None, "QuickBooks no longer holds the payment that is paid back. Skip it."
            )
        return self._restate(request_id, payment, [*(_link(*each) for each in objects.links(payment)), line])

    def _to_receivable_in(self, purchase: JsonObject, currency: str) -> None:
        """Name the receivables account of a currency, which QuickBooks makes with the first invoice in it."""
        where = "AccountType = 'Accounts Receivable' and Active = true"
        rows = self._client.query(f"select * from Account where {where} orderby Id").get("Account", [])
        found = [str(row["Id"]) for row in rows if objects.ref(row, "CurrencyRef") == currency]
        if found:
            purchase["Line"][0]["AccountBasedExpenseLineDetail"]["AccountRef"]["value"] = found[0]

    def _is_linked(self, wanted: JsonObject, purchase: JsonObject) -> bool:
        if "Payment" in wanted:
            payment = self._read("Payment", str(wanted["Payment"]))
        else:
            number = wanted["Link"]["PaymentRefNum"]
            rows = self._client.query(f"select * from Payment where PaymentRefNum = '{number}'").get("Payment", [])
            payment = rows[0] if rows else None
        return bool(payment) and any(
            each[:2] == (_EXPENSE, str(purchase["Id"])) for each in objects.links(payment or {})
        )

    def _payments_of(self, memo: JsonObject) -> list[JsonObject]:
        """Find the payments that use a credit memo. Answers with a memo need not tell them (Intuit shows none)."""
        told = [str(each["TxnId"]) for each in memo.get("LinkedTxn") or () if each.get("TxnType") == "Payment"]
        if told:
            return [paid for paid in (self._read("Payment", number) for number in told) if paid]
        if objects.left_of(memo) == objects.decimal(memo.get("TotalAmt")):
            return []
        use = ("CreditMemo", str(memo["Id"]))
        paid_by = self._client.rows("Payment", f"where CustomerRef = '{objects.ref(memo, 'CustomerRef')}'")
        return [paid for paid in paid_by if any(each[:2] == use for each in objects.links(paid))]

    def _purchase(self, reference: str, day: str) -> JsonObject | None:
        """Look for a refund by our number, and by its day: a company may number expenses by itself."""
        for where in (f"DocNumber = '{reference}'", f"TxnDate = '{day}'"):
            for row in self._client.rows(_PURCHASE, f"where {where}"):
                if objects.reference_in(Kind.REFUND, row) == reference:
                    return row
        return None

    def _read(self, entity: str, number: str) -> JsonObject | None:
        rows = self._client.query(f"select * from {entity} where Id = '{number}'").get(entity, [])
        return rows[0] if rows else None

    def _delivered(self, entity: str, found: JsonObject) -> Delivered:
        kind = Kind.PAYMENT if entity == "Payment" else Kind.REFUND
        number = str(found["Id"])
        return Delivered(number, str(found.get("SyncToken", "")), objects.page(kind, number, self._base_url))
