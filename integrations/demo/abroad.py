"""A customer of the demo who is billed in another currency: an invoice paid in part, the rest revalued at each month's end."""

from datetime import date, timedelta
from decimal import Decimal

from accounting.currency.importing import import_rates
from accounting.currency.revaluation import revalue
from billing.models import BusinessEntity, Customer, Invoice
from billing.periods import add_months, end_of_month
from billing.services.contracts import draft_contract, start_contracts
from billing.services.payments import receive_payment
from integrations.demo.companies import Catalog

CURRENCY = "EUR"
NUMBER = "C-EUR"
_PRICE = "12000.00"
_PAID = Decimal("5000.00")
# Invented: dollars for a euro rise and fall by a few cents over the weeks.
_FIRST, _STEPS = Decimal("1.0900"), (0, 4, 9, 15, 11, 6, 2, -3, -7, -2)


def record_rates(*, since: date, until: date) -> None:
    """Record invented rates of the working days, in the layout of the ECB."""
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    rows = [
        f"{day},{_FIRST + Decimal(_STEPS[day.toordinal() // 5 % len(_STEPS)]) / 500:.4f}"
        for day in days
        if day.weekday() < 5
    ]
    import_rates("\n".join(["Date,USD", *rows]).encode(), source="Demo", today=until, bank_currency=CURRENCY)


def sign(entity: BusinessEntity, catalog: Catalog, *, start: date) -> None:
    """Sign one yearly contract in euros."""
    customer = Customer.objects.create(
        business_entity=entity,
        external_id=NUMBER,
        name="Kranich Verlag GmbH",
        email="buchhaltung@kranich-verlag.example",
        currency=CURRENCY,
        address="Lindenallee 4",
        country="DE",
    )
    item = {
        "product": catalog.prices["team-yearly"].product,
        "pricing_model": "flat_fee",
        "pricing": {"amount": _PRICE},
        "interval_months": 12,
    }
    contract = draft_contract(customer=customer, number="K-EUR", start=start, items=[item], term_months=12)
    start_contracts([contract.pk])


def pay_in_part(*, on: date) -> None:
    """Let the customer pay a part of the invoice, at the rate of that day."""
    invoice = Invoice.objects.get(customer__external_id=NUMBER)
    receive_payment(
        customer_id=invoice.customer_id,
        received_on=on,
        amount=_PAID,
        currency=CURRENCY,
        allocations={invoice.pk: _PAID},
        reference="SEPA-1",
    )


def revalue_months(first_month: date, *, months: int) -> None:
    """Bring what is open to the rate of each whole month's last day."""
    for number in range(months):
        revalue(at=end_of_month(add_months(first_month, number)))
