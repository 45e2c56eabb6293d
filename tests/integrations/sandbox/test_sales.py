"""Lists, invoices, credit memos and payments."""

from typing import Any

import pytest


@pytest.fixture
def ann(qbo: Any) -> str:
    return str(qbo.make("Customer", DisplayName="Ann")["Id"])


def test_names_are_checked_and_unique_over_customers_and_vendors(qbo: Any, ann: str) -> None:
    assert qbo.refused("customer", {"DisplayName": "ann"}) == "6240"
    assert qbo.refused("vendor", {"DisplayName": "Ann"}) == "6240"
    assert qbo.refused("customer", {"DisplayName": "A:b"}) == "6000"
    assert qbo.refused("customer", {"DisplayName": "A\tb"}) == "6000"
    assert qbo.refused("customer", {}) == "2020"
    assert qbo.refused("customer", {"Id": ann, "SyncToken": "0"}, operation="delete") == "2010"


def test_items_and_accounts(qbo: Any) -> None:
    income = qbo.ref("Services")
    item = qbo.make("Item", Name="Pro", Type="Service", IncomeAccountRef=income)
    assert item["IncomeAccountRef"]["name"] == "Services"
    assert qbo.refused("item", {"Name": "pro", "Type": "Service", "IncomeAccountRef": income}) == "6240"
    assert qbo.refused("item", {"Name": "x" * 101, "Type": "Service", "IncomeAccountRef": income}) == "2050"
    assert qbo.refused("item", {"Name": "New", "Type": "Service"}) == "2020"
    account = qbo.make("Account", Name="Clearing", AccountType="Other Current Asset", AcctNum="1999")
    assert account["Classification"] == "Asset"
    assert qbo.refused("account", {"Name": "Clearing", "AccountType": "Bank"}) == "6240"
    assert qbo.refused("account", {"Name": "Other", "AccountType": "Nonsense"}) == "2010"
    assert qbo.refused("account", {"Name": "Other", "AccountType": "Bank", "AcctNum": "1999"}) == "6000"


def test_invoice_totals_tax_and_postings(qbo: Any, ann: str) -> None:
    line = qbo.sale(ann)["Line"][0]
    line["SalesItemLineDetail"]["TaxCodeRef"] = {"value": "TAX"}
    told = {"TotalTax": 11.88, "TxnTaxCodeRef": {"value": "TAX"}}
    made = qbo.make("Invoice", **qbo.sale(ann, Line=[line], TxnTaxDetail=told, DueDate="2026-11-30"))
    assert (made["TotalAmt"], made["Balance"], made["DueDate"]) == (160.38, 160.38, "2026-11-30")
    assert qbo.account("Accounts Receivable (A/R)")["CurrentBalance"] == 160.38
    assert qbo.account("Sales Tax Payable")["CurrentBalance"] == 11.88
    assert qbo.account("Services")["CurrentBalance"] == 148.5


def test_invoice_rules(qbo: Any, ann: str) -> None:
    good = qbo.sale(ann, DocNumber="INV-1")
    made = qbo.make("Invoice", **good)
    answer = qbo.post("invoice", good).json()["Fault"]["Error"][0]
    assert answer["code"] == "6140"
    assert f"TxnId={made['Id']}" in answer["Detail"]
    detail = good["Line"][0]["SalesItemLineDetail"]

    def with_detail(**changes: Any) -> dict[str, Any]:
        line = good["Line"][0] | {"SalesItemLineDetail": detail | changes}
        return qbo.sale(ann, Line=[line])

    assert qbo.refused("invoice", with_detail(Qty=2)) == "6070"
    assert qbo.refused("invoice", with_detail(ItemRef={"value": "99"})) == "2500"
    assert qbo.refused("invoice", with_detail(TaxCodeRef={"value": "2"})) == "6100"
    assert qbo.refused("invoice", qbo.sale("99")) == "2500"
    assert qbo.refused("invoice", qbo.sale(ann, Line=[])) == "2020"
    assert qbo.refused("invoice", qbo.sale(ann, TxnTaxDetail={"TotalTax": 1})) == "6160"
    assert qbo.refused("invoice", qbo.sale(ann, -5)) == "6000"


def test_line_without_item_is_text_and_its_amount_is_ignored(qbo: Any, ann: str) -> None:
    good = qbo.sale(ann)["Line"][0]
    text = {"Amount": 1000, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"Qty": 1, "UnitPrice": 1000}}
    made = qbo.make("Invoice", **qbo.sale(ann, Line=[good, text]))
    assert made["TotalAmt"] == 148.5


def test_server_numbers_when_custom_numbers_are_off(qbo: Any, ann: str) -> None:
    qbo.control("preferences", {"CustomTxnNumbers": False})
    first = qbo.make("Invoice", **qbo.sale(ann, DocNumber="MINE"))["DocNumber"]
    second = qbo.make("Invoice", **qbo.sale(ann, DocNumber="MINE"))["DocNumber"]
    assert "MINE" not in (first, second)
    assert first != second


def test_no_number_is_made_up_when_custom_numbers_are_on(qbo: Any, ann: str) -> None:
    made = qbo.make("Invoice", **qbo.sale(ann))
    assert "DocNumber" not in made
    qbo.control("preferences", {"CustomTxnNumbers": False})
    changed = qbo.make("Invoice", Id=made["Id"], SyncToken="0", sparse=True, PrivateNote="n")
    assert changed["DocNumber"]


def _pay(qbo: Any, customer: str, total: Any, *links: tuple[str, str, Any]) -> dict[str, Any]:
    lines = [{"Amount": amount, "LinkedTxn": [{"TxnId": id_, "TxnType": kind}]} for kind, id_, amount in links]
    return {"CustomerRef": {"value": customer}, "TotalAmt": total, "Line": lines}


def test_payment_settles_an_invoice(qbo: Any, ann: str) -> None:
    invoice = qbo.make("Invoice", **qbo.sale(ann, 100))["Id"]
    assert qbo.refused("payment", _pay(qbo, ann, 200, ("Invoice", invoice, 101))) == "6000"
    assert qbo.refused("payment", _pay(qbo, ann, 50, ("Invoice", invoice, 60))) == "6000"
    assert qbo.refused("payment", _pay(qbo, ann, 50.005, ("Invoice", invoice, 50))) == "2290"
    other = qbo.make("Customer", DisplayName="Bob")["Id"]
    assert qbo.refused("payment", _pay(qbo, other, 50, ("Invoice", invoice, 50))) == "6000"
    made = qbo.make("Payment", **_pay(qbo, ann, 120, ("Invoice", invoice, 100)))
    assert made["UnappliedAmt"] == 20
    assert qbo.query(f"select Balance from Invoice where Id = '{invoice}'")["Invoice"] == [{"Balance": 0}]
    assert qbo.account("Undeposited Funds")["CurrentBalance"] == 120
    assert qbo.account("Accounts Receivable (A/R)")["CurrentBalance"] == -20
    void = {"Id": made["Id"], "SyncToken": "0", "sparse": True}
    voided = qbo.post("payment", void, operation="update", include="void").json()["Payment"]
    assert (voided["TotalAmt"], voided["PrivateNote"]) == (0, "Voided")
    assert qbo.query(f"select Balance from Invoice where Id = '{invoice}'")["Invoice"] == [{"Balance": 100}]
    assert qbo.account("Undeposited Funds")["CurrentBalance"] == 0


def test_credit_memo_is_applied_by_a_payment_of_zero(qbo: Any, ann: str) -> None:
    invoice = qbo.make("Invoice", **qbo.sale(ann, 100))["Id"]
    memo = qbo.make("CreditMemo", **qbo.sale(ann, 30))
    assert memo["RemainingCredit"] == 30
    qbo.make("Payment", **_pay(qbo, ann, 0, ("Invoice", invoice, 30), ("CreditMemo", memo["Id"], 30)))
    assert qbo.query("select * from Invoice")["Invoice"][0]["Balance"] == 70
    (used,) = qbo.query("select * from CreditMemo")["CreditMemo"]
    assert (used["RemainingCredit"], "LinkedTxn" in used) == (0, False)
    qbo.control("preferences", {"CreditMemosTellLinks": True})
    assert qbo.query("select * from CreditMemo")["CreditMemo"][0]["LinkedTxn"][0]["TxnType"] == "Payment"
    assert qbo.query("select * from Customer")["Customer"][0]["Balance"] == 70


def test_credit_is_applied_by_itself_where_the_company_wants_it(qbo: Any, ann: str) -> None:
    qbo.control("preferences", {"AutoApplyCredit": True})
    qbo.make("Invoice", **qbo.sale(ann, 100))
    qbo.make("CreditMemo", **qbo.sale(ann, 30))
    assert qbo.query("select * from Invoice")["Invoice"][0]["Balance"] == 70
    assert qbo.query("select * from Payment")["Payment"][0]["TotalAmt"] == 0


def test_voiding_an_invoice_frees_its_payment(qbo: Any, ann: str) -> None:
    invoice = qbo.make("Invoice", **qbo.sale(ann, 100, PrivateNote="[cf:X-1]"))["Id"]
    qbo.make("Payment", **_pay(qbo, ann, 100, ("Invoice", invoice, 100)))
    assert qbo.refused("invoice", {"Id": invoice, "SyncToken": "0"}, operation="void") == "5010"
    voided = qbo.post("invoice", {"Id": invoice, "SyncToken": "1"}, operation="void").json()["Invoice"]
    assert (voided["TotalAmt"], voided["Balance"], voided["PrivateNote"]) == (0, 0, "Voided - [cf:X-1]")
    assert qbo.query("select * from Payment")["Payment"][0]["UnappliedAmt"] == 100
    assert qbo.account("Services")["CurrentBalance"] == 0
    assert qbo.account("Accounts Receivable (A/R)")["CurrentBalance"] == -100


def test_realised_exchange_difference(qbo: Any) -> None:
    qbo.control("preferences", {"MultiCurrencyEnabled": True})
    eur = {"value": "EUR"}
    customer = qbo.make("Customer", DisplayName="Euro", CurrencyRef=eur)["Id"]
    assert qbo.refused("invoice", qbo.sale(customer, 100, CurrencyRef={"value": "USD"})) == "6000"
    invoice = qbo.make("Invoice", **qbo.sale(customer, 100, CurrencyRef=eur, ExchangeRate=1.1))["Id"]
    body = _pay(qbo, customer, 100, ("Invoice", invoice, 100)) | {"CurrencyRef": eur, "ExchangeRate": 1.2}
    qbo.make("Payment", **body)
    assert qbo.account("Accounts Receivable (A/R)")["CurrentBalance"] == 0
    assert qbo.account("Exchange Gain or Loss")["CurrentBalance"] == -10


def test_editing_by_hand(qbo: Any, ann: str) -> None:
    invoice = qbo.make("Invoice", **qbo.sale(ann, 100))
    qbo.control("preferences", {"BookCloseDate": "2026-12-31"})
    edited = qbo.control("edit", {"entity": "Invoice", "id": invoice["Id"], "changes": qbo.sale(ann, 90)})
    assert (edited["Invoice"]["TotalAmt"], edited["Invoice"]["SyncToken"]) == (90, "1")
    qbo.control("edit", {"entity": "Invoice", "id": invoice["Id"], "delete": True})
    assert qbo.state()["counts"]["Invoice"] == 0
    assert qbo.account("Services")["CurrentBalance"] == 0
