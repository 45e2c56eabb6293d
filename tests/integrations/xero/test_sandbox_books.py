"""The rules of the Xero sandbox's books, each in the vendor's words where they are known."""

from decimal import Decimal
from typing import Any

import pytest
import requests

from tests.integrations.xero.caller import Caller


@pytest.fixture
def xero(box: Any) -> Caller:
    return Caller(box.url)


def balance(xero: Caller, code: str) -> Decimal:
    """Debit less credit of all that was posted on an account, from the documents' own lines."""
    total = Decimal(0)
    for journal in xero.state("?objects=1")["objects"]["ManualJournal"]:
        if journal["Status"] == "POSTED":
            total += sum(
                Decimal(str(line["LineAmount"])) for line in journal["JournalLines"] if line["AccountCode"] == code
            )
    return total


def test_a_journal_is_a_draft_unless_it_says_posted(xero: Caller) -> None:
    draft = xero.journal()
    del draft["Status"]
    assert xero.made("ManualJournals", **draft)["Status"] == "DRAFT"
    assert balance(xero, "835") == 0
    posted = xero.made("ManualJournals", **xero.journal(amount=12.5))
    assert (posted["Status"], posted["LineAmountTypes"], posted["ShowOnCashBasisReports"]) == ("POSTED", "NoTax", True)
    assert posted["Date"] == "/Date(1793404800000+0000)/"
    assert [line["LineAmount"] for line in posted["JournalLines"]] == [12.5, -12.5]
    assert balance(xero, "835") == Decimal("12.5")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"debit": "610"}, "Account code '610' is not a valid code for this document."),
        ({"debit": "090"}, "Account code '090' is not a valid code for this document."),
        ({"debit": "630"}, "Account code '630' is not a valid code for this document."),
        ({"debit": "960"}, "Account code '960' is not a valid code for this document."),
        ({"debit": "999"}, "Account code '999' is not a valid code for this document."),
        ({"amount": 1.005}, "LineAmount 1.005 has more than two decimals."),
        ({"Narration": " "}, "Narration must be specified."),
        ({"JournalLines": []}, "At least two journal lines must be specified."),
        ({"Status": "VOIDED"}, "A new manual journal cannot have the status VOIDED."),
        ({"Url": "journals/7"}, "Url must be a valid absolute url."),
    ],
)
def test_a_journal_breaks_no_rule(xero: Caller, change: dict[str, Any], words: str) -> None:
    given = {name: change.pop(name) for name in ("debit", "amount") if name in change}
    assert words in xero.refused("ManualJournals", **(xero.journal(**given) | change))
    assert xero.state()["counts"]["ManualJournal"] == 0


def test_a_journal_balances_and_tracks_by_two_categories_at_most(xero: Caller) -> None:
    uneven = xero.journal()
    uneven["JournalLines"][0]["LineAmount"] = 100.51
    assert "must equal" in xero.refused("ManualJournals", **uneven)
    tracked = xero.journal()
    tracked["JournalLines"][0]["Tracking"] = [{"Name": "Region", "Option": "EMEA"}]
    assert xero.made("ManualJournals", **tracked)["JournalLines"][0]["Tracking"][0]["Option"] == "EMEA"
    tracked["JournalLines"][0]["Tracking"] = [{"Name": "Region", "Option": "MARS"}]
    assert "tracking option" in xero.refused("ManualJournals", **tracked)


def test_a_journal_has_no_currency(xero: Caller) -> None:
    answer = xero.put("ManualJournals", xero.journal(CurrencyCode="EUR"))
    assert (answer.status_code, answer.json()["ErrorNumber"]) == (400, 14)


@pytest.mark.parametrize(
    ("lock", "words"), [("PeriodLockDate", "period lock date"), ("EndOfYearLockDate", "end of year lock date")]
)
def test_nothing_is_posted_on_or_before_a_lock_date(xero: Caller, lock: str, words: str) -> None:
    made = xero.made("ManualJournals", **xero.journal())
    xero.control("preferences", {lock: "2026-10-31"})
    refused = xero.refused("ManualJournals", **xero.journal())
    assert refused == f"The document date cannot be before the {words}, currently set at 31 October 2026"
    assert xero.made("ManualJournals", **xero.journal(Date="2026-11-01"))["Status"] == "POSTED"
    number = made["ManualJournalID"]
    voiding = {"ManualJournals": [{"ManualJournalID": number, "Status": "VOIDED"}]}
    assert xero.call("POST", f"ManualJournals/{number}", voiding).status_code == 400
    (organisation,) = xero.get("Organisation")
    assert organisation[lock] == "/Date(1793404800000+0000)/"


def test_an_archived_account_is_refused(xero: Caller) -> None:
    account = next(each for each in xero.get("Accounts") if each["Code"] == "835")
    sent = {"Accounts": [{"AccountID": account["AccountID"], "Status": "ARCHIVED"}]}
    assert xero.call("POST", f"Accounts/{account['AccountID']}", sent).status_code == 200
    assert "has been archived, or has been deleted" in xero.refused("ManualJournals", **xero.journal())


def test_accounts_have_unique_codes_and_names(xero: Caller) -> None:
    fresh = {"Code": "645", "Name": "Receivables clearing", "Type": "CURRENT"}
    made = xero.call("PUT", "Accounts", fresh).json()["Accounts"][0]
    assert (made["Class"], made["Status"], made["TaxType"]) == ("ASSET", "ACTIVE", "NONE")
    again = xero.call("PUT", "Accounts", fresh)
    assert [each["Message"] for each in again.json()["Elements"][0]["ValidationErrors"]] == [
        "Please enter a unique Code.",
        "Please enter a unique Name.",
    ]
    assert xero.call("PUT", "Accounts", {"Accounts": [fresh]}).status_code == 400


def test_each_element_has_its_own_result_when_asked_for(xero: Caller) -> None:
    rows = [xero.journal(1), xero.journal(2, debit="999"), xero.journal(3)]
    whole = xero.put("ManualJournals", *rows)
    assert whole.status_code == 400
    assert xero.state()["counts"]["ManualJournal"] == 0
    each = xero.put("ManualJournals", *rows, summarizeErrors="false")
    assert each.status_code == 200
    results = each.json()["ManualJournals"]
    assert [row["StatusAttributeString"] for row in results] == ["OK", "ERROR", "OK"]
    assert results[1]["ManualJournalID"] == "00000000-0000-0000-0000-000000000000"
    assert results[1]["ValidationErrors"][0]["Message"].startswith("Account code '999'")
    assert xero.state()["counts"]["ManualJournal"] == 2


def test_invoices_have_unique_numbers_and_are_worked_out_by_line(xero: Caller) -> None:
    contact = xero.contact()
    line = {"Description": "Plan", "Quantity": 3, "UnitAmount": 33.3333, "AccountCode": "210", "TaxType": "TAX001"}
    made = xero.put("Invoices", xero.sale(contact, InvoiceNumber="INV-1", LineItems=[line]), unitdp="4").json()
    (invoice,) = made["Invoices"]
    assert (invoice["SubTotal"], invoice["TotalTax"], invoice["Total"]) == (100.0, 8.25, 108.25)
    assert (invoice["AmountDue"], invoice["Status"]) == (108.25, "AUTHORISED")
    rounded = xero.made("Invoices", **xero.sale(contact, InvoiceNumber="INV-2", LineItems=[line]))
    assert rounded["SubTotal"] == 99.99
    assert xero.refused("Invoices", **xero.sale(contact, InvoiceNumber="inv-1")) == "Invoice # must be unique."
    no_due = xero.sale(contact)
    del no_due["DueDate"]
    assert "Due Date" in xero.refused("Invoices", **no_due)
    mismatch = line | {"LineAmount": 100}
    assert "does not match the expected line total" in xero.refused(
        "Invoices", **xero.sale(contact, LineItems=[mismatch])
    )
    assert "not subscribed to currency NOK" in xero.refused("Invoices", **xero.sale(contact, CurrencyCode="NOK"))
    wrong_tax = line | {"TaxType": "TAX002", "AccountCode": "429"}
    assert "The TaxType code 'TAX002' cannot be used with account code '429'" in xero.refused(
        "Invoices", **xero.sale(contact, LineItems=[wrong_tax])
    )


def test_a_rate_has_six_decimals(xero: Caller) -> None:
    contact = xero.contact()
    words = xero.refused("Invoices", **xero.sale(contact, CurrencyCode="EUR", CurrencyRate=0.9200001))
    assert "six decimals" in words
    made = xero.made("Invoices", **xero.sale(contact, CurrencyCode="EUR", CurrencyRate=0.92))
    paid = {
        "Invoice": {"InvoiceID": made["InvoiceID"]},
        "Account": {"Code": "090"},
        "Date": "2026-10-05",
        "Amount": 110,
    }
    assert "six decimals" in xero.refused("Payments", **paid, CurrencyRate=0.9200001)
    assert xero.made("Payments", **paid, CurrencyRate=0.93)["CurrencyRate"] == 0.93


def test_a_bank_transaction_is_deleted_with_what_the_contract_requires(xero: Caller) -> None:
    received = {
        "Type": "RECEIVE-OVERPAYMENT",
        "Contact": xero.contact(),
        "BankAccount": {"Code": "090"},
        "Date": "2026-10-05",
        "LineAmountTypes": "NoTax",
        "LineItems": [{"Description": "On account", "Quantity": 1, "UnitAmount": 40}],
    }
    made = xero.made("BankTransactions", **received)
    path, gone = f"BankTransactions/{made['BankTransactionID']}", {"Status": "DELETED"}
    answer = xero.call("POST", path, {"BankTransactions": [gone]})
    assert (answer.status_code, "LineItems must be specified" in answer.text) == (400, True)
    kept = {name: received[name] for name in ("Type", "BankAccount", "LineItems")}
    refused = xero.call("POST", path, {"BankTransactions": [gone | kept]})
    assert "Deletes are not supported" in refused.text
    requests.post(f"{xero.url}/_sandbox/preferences", json={"OverpaymentsCanBeDeleted": True}, timeout=5)
    answer = xero.call("POST", path, {"BankTransactions": [gone | kept]})
    assert answer.json()["BankTransactions"][0]["Status"] == "DELETED"


def test_money_spent_is_in_its_bank_accounts_currency_and_names_none(xero: Caller) -> None:
    spent = {
        "Type": "SPEND",
        "Contact": xero.contact(),
        "BankAccount": {"Code": "092"},
        "LineAmountTypes": "NoTax",
        "LineItems": [{"Description": "Fee", "Quantity": 1, "UnitAmount": 40, "AccountCode": "404"}],
    }
    assert "only supported on overpayments" in xero.refused("BankTransactions", **spent, CurrencyCode="EUR")
    made = xero.made("BankTransactions", **spent, CurrencyRate=0.8)
    assert (made["CurrencyCode"], made["CurrencyRate"]) == ("EUR", 0.8)
    assert xero.made("BankTransactions", **(spent | {"BankAccount": {"Code": "090"}}))["CurrencyCode"] == "USD"


def test_a_foreign_invoice_without_a_rate_takes_the_days(xero: Caller) -> None:
    contact = xero.contact()
    assert xero.made("Invoices", **xero.sale(contact, CurrencyCode="EUR"))["CurrencyRate"] == 0.92
    assert xero.made("Invoices", **xero.sale(contact, CurrencyCode="EUR", CurrencyRate=0.8))["CurrencyRate"] == 0.8


def test_payments_settle_one_invoice_and_are_only_ever_deleted(xero: Caller) -> None:
    invoice = xero.made("Invoices", **xero.sale(xero.contact()))
    pay = {
        "Invoice": {"InvoiceID": invoice["InvoiceID"]},
        "Account": {"Code": "090"},
        "Date": "2026-11-05",
        "Amount": 110,
    }
    assert "exceeds the amount outstanding" in xero.refused("Payments", **(pay | {"Amount": 110.01}))
    assert "bank accounts" in xero.refused("Payments", **(pay | {"Account": {"Code": "835"}}))
    made = xero.made("Payments", **pay)
    assert (made["Status"], made["PaymentType"]) == ("AUTHORISED", "ACCRECPAYMENT")
    (paid,) = xero.get(f"Invoices/{invoice['InvoiceID']}")
    assert (paid["Status"], paid["AmountDue"], paid["AmountPaid"]) == ("PAID", 0, 110)
    voiding = {"Invoices": [{"InvoiceID": invoice["InvoiceID"], "Status": "VOIDED"}]}
    refused = xero.call("POST", f"Invoices/{invoice['InvoiceID']}", voiding)
    assert "cannot be edited as it has a payment" in refused.text
    assert xero.call("POST", f"Payments/{made['PaymentID']}", {"Amount": 5}).status_code == 400
    assert xero.call("POST", f"Payments/{made['PaymentID']}", {"Status": "DELETED"}).status_code == 200
    assert xero.call("POST", f"Invoices/{invoice['InvoiceID']}", voiding).json()["Invoices"][0]["Status"] == "VOIDED"


def test_credit_notes_settle_invoices_by_a_call_of_their_own(xero: Caller) -> None:
    contact = xero.contact()
    invoice = xero.made("Invoices", **xero.sale(contact))
    note = xero.made("CreditNotes", **xero.credit(contact, CreditNoteNumber="CN-1"))
    path = f"CreditNotes/{note['CreditNoteID']}/Allocations"
    part = {"Amount": 20, "Date": "2026-10-05", "Invoice": {"InvoiceID": invoice["InvoiceID"]}}
    for lacking in ("Amount", "Date", "Invoice"):
        sent = {name: value for name, value in part.items() if name != lacking}
        assert xero.call("PUT", path, {"Allocations": [sent]}).status_code == 400
    made = xero.call("PUT", path, {"Allocations": [part]}).json()["Allocations"][0]
    (settled,), (left,) = xero.get(f"Invoices/{invoice['InvoiceID']}"), xero.get("CreditNotes/CN-1")
    assert (settled["AmountDue"], settled["AmountCredited"], left["RemainingCredit"]) == (90, 20, 10)
    over = xero.call("PUT", path, {"Allocations": [part]}, summarizeErrors="false").json()["Allocations"][0]
    assert (over["StatusAttributeString"], "exceeds" in over["ValidationErrors"][0]["Message"]) == ("ERROR", True)
    assert xero.call("DELETE", f"{path}/{made['AllocationID']}").json()["IsDeleted"] is True
    assert xero.get("CreditNotes/CN-1")[0]["RemainingCredit"] == 30
    discounted = xero.credit(contact)
    discounted["LineItems"][0]["DiscountRate"] = 10
    assert "Discounts" in xero.refused("CreditNotes", **discounted)


def test_money_on_account_is_an_overpayment(xero: Caller) -> None:
    contact = xero.contact()
    row = {
        "Type": "RECEIVE-OVERPAYMENT",
        "Contact": contact,
        "BankAccount": {"Code": "090"},
        "Date": "2026-11-05",
        "LineAmountTypes": "NoTax",
        "LineItems": [{"Description": "On account", "Quantity": 1, "UnitAmount": 50}],
    }
    made = xero.made("BankTransactions", **row)
    (credit,) = xero.get("Overpayments", page="1")
    assert (credit["OverpaymentID"], credit["RemainingCredit"]) == (made["OverpaymentID"], 50)
    assert credit["LineItems"][0]["Description"] == "On account"
    refund = {
        "Overpayment": {"OverpaymentID": credit["OverpaymentID"]},
        "Account": {"Code": "090"},
        "Date": "2026-11-06",
    }
    assert xero.made("Payments", **refund, Amount=50)["PaymentType"] == "AROVERPAYMENTPAYMENT"
    assert xero.get("Overpayments")[0]["Status"] == "PAID"


def test_contacts_have_unique_names_and_numbers(xero: Caller) -> None:
    made = xero.made("Contacts", Name="Globex", ContactNumber="ABCDE-U1")
    assert "must be unique across all active contacts" in xero.refused("Contacts", Name="globex")
    assert "already assigned" in xero.refused("Contacts", Name="Other", ContactNumber="ABCDE-U1")
    assert "must not be more than 255" in xero.refused("Contacts", Name="x" * 256)
    assert "Email" in xero.refused("Contacts", Name="Müller", EmailAddress="müller@example.test")
    upserted = xero.call("POST", "Contacts", {"Contacts": [{"Name": "Globex Ltd", "ContactNumber": "ABCDE-U1"}]})
    assert upserted.json()["Contacts"][0]["ContactID"] == made["ContactID"]
    assert xero.get("Contacts/ABCDE-U1")[0]["Name"] == "Globex Ltd"
    archived = {"Contacts": [{"ContactID": made["ContactID"], "ContactStatus": "ARCHIVED"}]}
    xero.call("POST", f"Contacts/{made['ContactID']}", archived)
    assert xero.get("Contacts") == []
    assert len(xero.get("Contacts", includeArchived="true")) == 1
    assert "archived" in xero.refused("Invoices", **xero.sale({"ContactID": made["ContactID"]}))
