"""Invoices and credit notes on paper: what the law wants on them, as it was when they became final."""

import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pymupdf_fonts
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from pypdf import PdfReader

from billing.models import BusinessEntity, Contract, CreditNote, Customer, Invoice, Product, TaxRate
from billing.printing.document_pdf import write_document
from billing.printing.documents import PrintedDocument, credit_note_document, invoice_document
from billing.printing.fonts import register_fonts
from billing.services.credit_notes import Keep, issue_credit_note
from billing.services.invoices import finalize_invoices, void_invoice
from billing.services.one_off import NewLine, draft_invoice
from billing.services.payments import receive_payment
from billing.services.write_offs import write_off_invoice

DAY = date(2026, 3, 1)


def pages_of(document: PrintedDocument) -> list[str]:
    """Print a document and read it: the text of each page, one printed line a line."""
    file = io.BytesIO()
    write_document(document, file)
    return [page.extract_text() for page in PdfReader(io.BytesIO(file.getvalue())).pages]


def words_of(document: PrintedDocument) -> str:
    return " ".join(" ".join(pages_of(document)).split())


@pytest.fixture
def seller(entity: BusinessEntity) -> BusinessEntity:
    entity.name, entity.address, entity.country = "Acme Inc", "1 Harbor Road\nPortsend 00001", "US"
    entity.tax_id, entity.payment_details = "00-0000001", "Bank of Nowhere\nIBAN XX00 1234"
    entity.save()
    return entity


@pytest.fixture
def buyer(customer: Customer, seller: BusinessEntity) -> Customer:
    Customer.objects.update(name="Globex GmbH", address="Hauptstraße 5\n10115 Berlin", country="DE", tax_id="DE123")
    customer.refresh_from_db()
    return customer


@pytest.fixture
def rates(buyer: Customer) -> dict[str, TaxRate]:
    return {
        "full": TaxRate.objects.create(code="full", name="Sales tax", percent=Decimal("8.25")),
        "low": TaxRate.objects.create(code="low", name="Reduced", percent=Decimal("5")),
        "none": TaxRate.objects.create(code="rc", name="Reverse charge", percent=Decimal(0)),
    }


@pytest.fixture
def invoice(buyer: Customer, product: Product, rates: dict[str, TaxRate]) -> Invoice:
    """2 × 1,234.50 at 8.25 %, 100.00 less 10.00 at 5 %, 40.00 at reverse charge: 2,599.00 net, 208.19 tax."""
    period = {"period_start": date(2026, 3, 1), "period_end": date(2026, 4, 1)}
    made = draft_invoice(
        customer_id=buyer.pk,
        issued_on=DAY,
        lines=[
            NewLine(product=product, unit_amount=Decimal("1234.50"), quantity=Decimal(2), tax_rate=rates["full"], **period),
            NewLine(product=product, unit_amount=Decimal(100), discount=Decimal(10), tax_rate=rates["low"],
                    description="Support"),
            NewLine(product=product, unit_amount=Decimal("0.0125"), quantity=Decimal(3200), tax_rate=rates["none"]),
        ],
    )  # fmt: skip
    finalize_invoices([made.pk])
    return again(made)


def again(invoice: Invoice) -> Invoice:
    return Invoice.objects.select_related("business_entity", "customer", "contract").get(pk=invoice.pk)


def test_an_invoice_says_who_bills_whom_what_and_how_much(invoice: Invoice) -> None:
    document = invoice_document(invoice)
    assert document.seller_lines == ("1 Harbor Road", "Portsend 00001", "United States", "Tax ID: 00-0000001")
    assert document.buyer_lines == ("Globex GmbH", "Hauptstraße 5", "10115 Berlin", "Germany", "Tax ID: DE123")
    assert document.facts == (
        ("Invoice number", "INV-000001"),
        ("Date", "1 March 2026"),
        ("Payment terms", "30 days"),
        ("Due", "31 March 2026"),
    )
    assert [(line.details, line.quantity, line.unit_price, line.discount, line.tax, line.amount)
            for line in document.lines] == [
        (("1 March 2026 to 31 March 2026",), "2", "1,234.50", "", "8.25 %", "2,469.00"),
        ((), "1", "100.00", "-10.00", "5 %", "90.00"),
        ((), "3,200", "0.0125", "", "0 %", "40.00"),
    ]  # fmt: skip
    # 2,469.00 × 8.25 % = 203.6925; 90.00 × 5 % = 4.50
    assert [(each.label, each.amount) for each in document.sums] == [
        ("Net", "2,599.00 USD"),
        ("Sales tax 8.25 % on 2,469.00", "203.69 USD"),
        ("Reduced 5 % on 90.00", "4.50 USD"),
        ("Reverse charge 0 % on 40.00", "0.00 USD"),
        ("Total", "2,807.19 USD"),
        ("Amount due", "2,807.19 USD"),
    ]
    text = words_of(document)
    for words in (
        "Acme Inc", "Invoice", "Globex GmbH", "Hauptstraße 5", "Net USD", "Unit price USD", "Discount",
        "1 March 2026 to 31 March 2026", "2,807.19 USD", "How to pay", "IBAN XX00 1234", "Page 1 of 1",
    ):  # fmt: skip
        assert words in text
    assert "DRAFT" not in text


def test_the_same_invoice_gives_the_same_bytes(invoice: Invoice) -> None:
    first, second = io.BytesIO(), io.BytesIO()
    write_document(invoice_document(invoice), first)
    write_document(invoice_document(again(invoice)), second)
    assert first.getvalue() == second.getvalue()


def test_a_draft_carries_the_word_and_no_number(buyer: Customer, product: Product) -> None:
    draft = draft_invoice(
        customer_id=buyer.pk, issued_on=DAY, lines=[NewLine(product=product, unit_amount=Decimal(10))]
    )
    document = invoice_document(again(draft))
    assert (document.number, document.stamp) == ("", "Draft")
    assert document.buyer_lines[0] == "Globex GmbH"
    assert "Amount due" not in [each.label for each in document.sums]
    assert "DRAFT" in words_of(document)


def test_what_is_due_follows_payments_and_a_void_says_why(invoice: Invoice, buyer: Customer) -> None:
    receive_payment(customer_id=buyer.pk, received_on=DAY, amount=Decimal("800.00"), currency="USD")
    sums = {each.label: each.amount for each in invoice_document(again(invoice)).sums}
    assert sums["Paid or credited"] == "-800.00 USD"
    assert sums["Amount due"] == "2,007.19 USD"
    # Written off in the books; the customer owes it all the same.
    write_off_invoice(invoice_id=invoice.pk, on=date(2026, 6, 1), reason="Insolvent")
    assert {each.label: each.amount for each in invoice_document(again(invoice)).sums}["Amount due"] == "2,007.19 USD"


def test_a_void_invoice_is_stamped(invoice: Invoice) -> None:
    void_invoice(invoice_id=invoice.pk, on=DAY, reason="Wrong customer")
    document = invoice_document(again(invoice))
    assert document.stamp == "Void"
    assert document.notes == (("Void", "Voided on 1 March 2026: Wrong customer"),)
    assert "Amount due" not in [each.label for each in document.sums]


def test_a_paid_invoice_asks_for_no_payment(invoice: Invoice, buyer: Customer) -> None:
    receive_payment(customer_id=buyer.pk, received_on=DAY, amount=Decimal("2807.19"), currency="USD")
    document = invoice_document(again(invoice))
    assert document.sums[-1].amount == "0.00 USD"
    assert document.notes == ()


def test_seller_and_buyer_are_printed_as_they_were(invoice: Invoice, seller: BusinessEntity, buyer: Customer) -> None:
    before = invoice_document(invoice)
    seller.name, seller.address, seller.tax_id, seller.country = "Acme Holding", "New Street 2", "99-9", "DE"
    seller.save()
    BusinessEntity.objects.update(address="Third Street 3")  # Not through the model either.
    Customer.objects.update(name="Globex SE", address="Elsewhere")
    after = invoice_document(again(invoice))
    assert (after.seller, after.seller_lines, after.buyer_lines) == (
        before.seller,
        before.seller_lines,
        before.buyer_lines,
    )
    draft = draft_invoice(
        customer_id=buyer.pk, issued_on=DAY, lines=[NewLine(product=Product.objects.get(), unit_amount=Decimal(10))]
    )
    finalize_invoices([draft.pk])
    fresh = invoice_document(again(draft))
    assert fresh.seller_lines == ("Third Street 3", "Germany", "Tax ID: 99-9")
    assert fresh.buyer_lines == ("Globex SE", "Elsewhere", "Tax ID: DE123")  # At home now: no country.


def test_an_address_filled_in_later_is_printed(entity: BusinessEntity, customer: Customer, product: Product) -> None:
    draft = draft_invoice(
        customer_id=customer.pk, issued_on=DAY, lines=[NewLine(product=product, unit_amount=Decimal(10))]
    )
    finalize_invoices([draft.pk])
    for address in ("1 First Street", "2 Second Street"):
        entity.address = address
        entity.save()
    assert invoice_document(again(draft)).seller_lines == ("1 First Street",)


def test_a_credit_note_names_its_invoice_and_what_becomes_of_it(invoice: Invoice, buyer: Customer) -> None:
    receive_payment(customer_id=buyer.pk, received_on=DAY, amount=Decimal("2807.19"), currency="USD")
    line = invoice.lines.order_by("position")[0]
    made = issue_credit_note(
        invoice_id=invoice.pk,
        lines={line.pk: Decimal("469.00")},
        on=date(2026, 3, 9),
        reason="Outage",
        keep=Keep.WALLET,
    )
    note = CreditNote.objects.select_related("invoice__contract", "business_entity").get(pk=made.pk)
    document = credit_note_document(note)
    assert document.facts == (
        ("Credit note number", "CN-000001"),
        ("Date", "9 March 2026"),
        ("For invoice", "INV-000001 of 1 March 2026"),
    )
    assert document.buyer_lines[0] == "Globex GmbH"
    # 469.00 × 8.25 % = 38.6925
    assert [(each.label, each.amount) for each in document.sums] == [
        ("Net", "469.00 USD"),
        ("Sales tax 8.25 % on 469.00", "38.69 USD"),
        ("Total credited", "507.69 USD"),
    ]
    assert document.notes == (
        ("Reason", "Outage"),
        ("What becomes of it", "507.69 USD kept for you as a balance."),
    )
    text = words_of(document)
    assert "Credit note CN-000001" in text
    assert "Unit price" not in text


def test_a_long_invoice_carries_its_headings_over_its_pages(buyer: Customer, product: Product) -> None:
    lines = [
        NewLine(product=product, unit_amount=Decimal(1), description=f"Charge number {place}") for place in range(120)
    ]
    made = draft_invoice(customer_id=buyer.pk, issued_on=DAY, lines=lines)
    finalize_invoices([made.pk])
    pages = pages_of(invoice_document(again(made)))
    assert len(pages) > 2
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in page
        assert ("Invoice INV-000001, continued" in page) is (number > 1)
        assert ("Unit price USD" in page) is ("Charge number" in page)
    found = [line for page in pages for line in page.splitlines() if line.startswith("Charge number")]
    assert len(found) == 120


@pytest.mark.parametrize(
    "name", ["Łódź Żółw", "Αθήνα ΑΕ", "Москва", "東京サービス", "北京公司", "서울 주식회사", "ไทย"]
)
def test_names_of_all_scripts_are_printed(name: str, buyer: Customer, product: Product) -> None:
    Customer.objects.update(name=name)
    made = draft_invoice(customer_id=buyer.pk, issued_on=DAY, lines=[NewLine(product=product, unit_amount=Decimal(1))])
    finalize_invoices([made.pk])
    assert name.replace(" ", "") in words_of(invoice_document(again(made))).replace(" ", "")


def draft_to(name: str, buyer: Customer, product: Product) -> bytes:
    Customer.objects.update(name=name)
    made = draft_invoice(customer_id=buyer.pk, issued_on=DAY, lines=[NewLine(product=product, unit_amount=Decimal(1))])
    file = io.BytesIO()
    write_document(invoice_document(again(made)), file)
    return file.getvalue()


def fonts_in(pdf: bytes) -> dict[str, bool]:
    """Give the fonts of the first page: name to whether it is embedded."""
    found = {}
    for each in PdfReader(io.BytesIO(pdf)).pages[0]["/Resources"]["/Font"].values():
        font = each.get_object()
        inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        drawn = inner.get("/FontDescriptor", {})
        found[str(font["/BaseFont"]).split("+")[-1].strip("/")] = "/FontFile2" in drawn
    return found


def test_a_page_says_which_letters_are_not_its_own(buyer: Customer, product: Product) -> None:
    for name, words in (
        ("Łódź Żółw", ""), ("ไทย", ""), ("東京サービス", "shown in the fonts of your PDF reader"),
        ("\u0b85\u0bae\u0bcd\u0bae\u0bbe", "printed as boxes"),
    ):  # fmt: skip
        text = " ".join(PdfReader(io.BytesIO(draft_to(name, buyer, product))).pages[0].extract_text().split())
        assert words in text
        assert ("of your PDF reader" in text or "as boxes" in text) is bool(words)


def test_fonts_of_ones_own_are_embedded_for_letters_that_ours_lack(
    buyer: Customer, product: Product, settings: Any, tmp_path: Path
) -> None:
    font = tmp_path / "more.ttf"  # Stands for a font of Chinese letters: it has some that ours lack.
    font.write_bytes(pymupdf_fonts.myfont("cascadia"))
    settings.COUNTERFOIL_PDF_FONTS = [str(font)]
    register_fonts.cache_clear()
    pdf = draft_to("\u2588", buyer, product)
    assert "as boxes" not in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    assert any("Cascadia" in name and embedded for name, embedded in fonts_in(pdf).items())
    settings.COUNTERFOIL_PDF_FONTS = [str(tmp_path / "missing.ttf")]
    register_fonts.cache_clear()
    with pytest.raises(ImproperlyConfigured, match=r"COUNTERFOIL_PDF_FONTS names .*missing\.ttf"):
        draft_to("Globex", buyer, product)
    register_fonts.cache_clear()


def test_currencies_without_decimals_and_with_three(entity: BusinessEntity, product: Product) -> None:
    for currency, price, shown in (("JPY", "12345", "12,345 JPY"), ("KWD", "1234.567", "1,234.567 KWD")):
        customer = Customer.objects.create(business_entity=entity, external_id=currency, name="N", currency=currency)
        made = draft_invoice(
            customer_id=customer.pk, issued_on=DAY, lines=[NewLine(product=product, unit_amount=Decimal(price))]
        )
        assert invoice_document(again(made)).sums[-1].amount == shown


def test_contract_and_reference_are_facts(sell: Callable[..., Contract], buyer: Customer) -> None:
    contract = sell(amount="100", start=DAY, number="K-7", terms={"reference": "PO 4711"})
    made = draft_invoice(
        customer_id=buyer.pk, issued_on=DAY, lines=[NewLine(product=Product.objects.get(), unit_amount=Decimal(1))]
    )
    Invoice.objects.filter(pk=made.pk).update(contract=contract)
    assert invoice_document(again(made)).facts[-2:] == (("Contract", "K-7"), ("Your reference", "PO 4711"))


def test_printing_takes_a_fixed_number_of_queries(
    buyer: Customer, product: Product, django_assert_num_queries: Callable[..., object]
) -> None:
    for count in (1, 40):
        lines = [NewLine(product=product, unit_amount=Decimal(1), tax_rate=None)] * count
        made = draft_invoice(customer_id=buyer.pk, issued_on=DAY, lines=lines)
        finalize_invoices([made.pk])
        invoice = again(made)
        assert invoice.finalized_at is not None and invoice.finalized_at <= timezone.now()
        with django_assert_num_queries(2):  # the lines, the seller's changes
            invoice_document(invoice)
