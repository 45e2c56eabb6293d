"""Exchange rates: what the file may say, what it may change, and which rate holds for a day."""

import json
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from accounting.currency.importing import import_rates, preview_rates
from accounting.currency.rate_files import UnreadableRates
from accounting.currency.rates import MissingRate, Pair, rates_for
from accounting.models import ExchangeRate, JournalEntry
from billing.models import BusinessEvent, Customer, Invoice
from billing.services.billing_run import run_billing
from billing.services.tenants import create_tenant
from billing.tenancy import tenant_scope
from tests.accounting.rates import rates

D = Decimal
TODAY = date(2026, 3, 10)
HEADING = "Date,USD,JPY,ISK,\n"


def rate(currency: str, base: str, day: date) -> Decimal:
    pair = Pair(currency, base, day)
    return rates_for([pair]).of(pair).value


@pytest.mark.parametrize(
    ("rows", "line", "reason"),
    [
        ("2026-02-30,1.1,\n", 2, "not a date"),
        ("02/03/2026,1.1,\n", 2, "not a date"),
        ("2026-W10-1,1.1,\n", 2, "not a date"),
        ("1 January 99999999999999999999,1.1,\n", 2, "not a date"),
        ("0001-01-01,1.1,\n", 2, "not a date"),
        ("2026-03-02,1.1,160,140,\n2026-03-02,1.1,160,140,\n", 3, "on line 2 already"),
        ("2026-03-11,1.1,160,140,\n", 2, "is not over yet"),
        ("2026-03-02,0,160,140,\n", 2, "USD: “0” is not a rate"),
        ("2026-03-02,-1.1,160,140,\n", 2, "USD: “-1.1” is not a rate"),
        ("2026-03-02,nan,160,140,\n", 2, "USD: “nan” is not a rate"),
        ('2026-03-02,"1,1",160,140,\n', 2, "USD: “1,1” is not a rate"),
        ("2026-03-02,1e3,160,140,\n", 2, "USD: “1e3” is not a rate"),
        ("2026-03-02,1.12345678901,160,140,\n", 2, "ten decimals at most"),
        ("2026-03-02,1.1,160,140,,5,6\n", 2, "7 fields, the heading has 5"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(tenant, rows, line, reason):
    content = (HEADING + "2026-03-03,1.2,161,141,\n" + rows).encode()
    result = import_rates(content, source="ECB", today=TODAY)
    assert [bad.line for bad in result.rejected] == [line + 1] and reason.replace("on line 2", "on line 3") in (
        result.rejected[0].reason
    )
    assert not ExchangeRate.objects.exists()


# The columns of the ECB's data portal (SDMX-CSV), the first of its many: a row for each day and series.
SDMX = """KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE,OBS_STATUS,TITLE
EXR.D.USD.EUR.SP00.A,D,USD,EUR,SP00,A,2024-01-02,1.0956,A,"US dollar/Euro, ECB"
EXR.D.USD.EUR.SP00.A,D,USD,EUR,SP00,A,2024-01-03,1.0919,A,"US dollar/Euro, ECB"
EXR.D.JPY.EUR.SP00.A,D,JPY,EUR,SP00,A,2024-01-02,155.66,A,Japanese yen/Euro
EXR.D.JPY.EUR.SP00.A,D,JPY,EUR,SP00,A,2024-01-01,NaN,H,Japanese yen/Euro
EXR.D.ISK.EUR.SP00.A,D,ISK,EUR,SP00,A,2024-01-02,150.5,A,Icelandic krona/Euro
"""


def test_a_row_for_each_day_and_currency_is_read_too(tenant):
    done = import_rates(SDMX.encode(), source="ECB", today=TODAY)
    assert (len(done.added), done.unknown, done.rejected) == (3, ["ISK"], [])
    assert rate("EUR", "USD", date(2024, 1, 2)) == D("1.0956")
    assert rate("EUR", "JPY", date(2024, 1, 2)) == D("155.66")
    by_hand = import_rates(b"rate,currency,date\n0.8612,GBP,2024-01-02\n", source="ECB", today=TODAY)
    assert (len(by_hand.added), rate("EUR", "GBP", date(2024, 1, 2))) == (1, D("0.8612"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("k,M,USD,EUR,SP00,A,2024-01-04,1.09", "FREQ is “M”: this is not a rate of a day (D)"),
        ("k,D,USD,EUR,NN00,A,2024-01-04,1.09", "EXR_TYPE is “NN00”: this is not a spot rate (SP00)"),
        ("k,D,USD,GBP,SP00,A,2024-01-04,1.09", "CURRENCY_DENOM is “GBP”: this is not a rate for one EUR (EUR)"),
        ("k,D,EUR,EUR,SP00,A,2024-01-04,1", "EUR is compared with itself"),
        ("k,D,dollar,EUR,SP00,A,2024-01-04,1.09", "“dollar” is not a currency code"),
        ("k,D,USD,EUR,SP00,A,2024-01-02,1.09", "USD on 2024-01-02 is on line 2 already"),
        ("k,D,USD,EUR,SP00,A,2026-03-11,1.09", "is not over yet"),
        ("k,D,USD,EUR,SP00,A,2024-13-01,1.09", "is not a date"),
        ("k,D,USD,EUR,SP00,A,2024-01-04,-1.09", "USD: “-1.09” is not a rate"),
        ("k,D,USD", "the row has 3 fields, at least 8 are needed"),
    ],
)
def test_a_bad_row_of_the_long_layout_is_named_and_nothing_is_imported(tenant, row, reason):
    result = import_rates((SDMX + row + "\n").encode(), source="ECB", today=TODAY)
    assert [(bad.line, reason in bad.reason) for bad in result.rejected] == [(7, True)]
    assert not ExchangeRate.objects.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"PK\x03\x04\xff\xfe", "not text in UTF-8"),
        (b"Date,USD\x00\n", "not text"),
        (b"Day,USD\n", "heading"),
        (b"Date,\n", "heading"),
        (b"Date,US Dollar\n", "not a currency code"),
        (b"Date,USD,USD\n", "USD twice"),
        (b"Date,USD,EUR\n", "with itself"),
        (b'Date,USD\n2026-03-02,"1.1\n', "not CSV"),
    ],
)
def test_a_file_that_is_no_table_of_rates_is_refused(tenant, content, reason):
    with pytest.raises(UnreadableRates, match=reason):
        import_rates(content, source="ECB", today=TODAY)


def test_importing_again_adds_nothing_and_unknown_currencies_are_named(tenant):
    content = "\ufeff".encode() + (HEADING + "2026-03-02,1.1012,163.24,140.1,\n2026-03-03,N/A,163.00,,\n").encode()
    first = import_rates(content, source="ECB", today=TODAY)
    again = import_rates(content, source="ECB", today=TODAY)
    assert (len(first.added), first.unknown, first.days) == (3, ["ISK"], (date(2026, 3, 2), date(2026, 3, 3)))
    assert (again.added, again.unchanged, ExchangeRate.objects.count()) == ([], 3, 3)
    assert str(ExchangeRate.objects.get(currency="USD")) == "1 EUR = 1.1012 USD on 2 March 2026"


def test_the_ecb_file_of_the_day_is_read(tenant):
    import_rates(b"Date, USD, JPY, \n10 March 2026, 1.0987, 160.1, \n", source="ECB", today=TODAY)
    assert rate("EUR", "USD", TODAY) == D("1.0987")


def test_a_changed_rate_is_refused_unless_it_is_a_correction(tenant, entity, sell):
    rates("Date USD\n2026-03-01 1.10")
    Customer.objects.update(currency="EUR")
    changed = b"Date,USD\n2026-03-01,1.20\n2026-03-02,1.30\n"
    refused = import_rates(changed, source="ECB", today=TODAY)
    assert "recorded with 1.1, not 1.2" in refused.rejected[0].reason
    assert ExchangeRate.objects.count() == 1
    preview = preview_rates(changed, today=TODAY, correct=True)
    assert (len(preview.added), len(preview.corrections), ExchangeRate.objects.count()) == (1, 1, 1)
    import_rates(changed, source="ECB", today=TODAY, correct=True)
    assert rate("EUR", "USD", date(2026, 3, 1)) == D("1.2")
    assert sorted(ExchangeRate.objects.filter(date="2026-03-01").values_list("number", "rate")) == [
        (1, D("1.1")),
        (2, D("1.2")),
    ]
    assert import_rates(changed, source="ECB", today=TODAY).unchanged == 2


def test_recorded_rates_cannot_be_changed_by_raw_sql(tenant):
    rates("Date USD\n2026-03-01 1.10")
    for statement in ("UPDATE accounting_exchangerate SET rate = 2", "DELETE FROM accounting_exchangerate"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    with pytest.raises(IntegrityError), transaction.atomic():
        ExchangeRate.objects.create(
            source="ECB", date="2026-03-01", bank_currency="EUR", currency="USD", quotation="foreign_per_bank", rate=2
        )


def test_another_company_has_rates_of_its_own(tenant):
    rates("Date USD\n2026-03-01 1.10")
    stranger = create_tenant(slug="stranger", name="Stranger", currency="USD")
    with tenant_scope(stranger.pk), pytest.raises(MissingRate):
        rate("EUR", "USD", date(2026, 3, 1))


def test_days_without_rates_take_the_last_earlier_one_for_a_week(tenant):
    rates("Date USD\n2026-03-06 1.10\n2026-03-09 1.20")
    assert rate("EUR", "USD", date(2026, 3, 8)) == D("1.1")
    assert rate("EUR", "USD", date(2026, 3, 16)) == D("1.2")
    with pytest.raises(MissingRate, match="from EUR to USD for 17 March 2026, nor for the 7 days before"):
        rate("EUR", "USD", date(2026, 3, 17))
    with pytest.raises(MissingRate):
        rate("EUR", "USD", date(2026, 3, 5))


def test_two_foreign_currencies_meet_through_the_banks_own(tenant):
    """ECB: 1.10 dollars and 0.88 pounds for a euro, so a pound is 1.25 dollars; both of the same day."""
    rates("Date USD GBP\n2026-03-05 1.10 0.88\n2026-03-06 1.20 N/A")
    assert rate("GBP", "USD", date(2026, 3, 6)) == D("1.25")
    assert rate("USD", "EUR", date(2026, 3, 5)) == D("0.9090909091")
    pair = Pair("USD", "EUR", date(2026, 3, 5))
    assert rates_for([pair]).of(pair).convert(D("110")) == D("100.00")


def test_a_bank_may_quote_the_other_way_round(tenant):
    """A bank that says what a foreign unit costs: 4.00 PLN for a dollar, 5.00 for a pound."""
    rates("Date USD GBP\n2026-03-05 4.00 5.00", bank_currency="PLN", quotation="bank_per_foreign")
    assert rate("USD", "PLN", date(2026, 3, 5)) == D("4")
    assert rate("GBP", "USD", date(2026, 3, 5)) == D("1.25")


def test_a_missing_rate_posts_nothing_and_says_how_to_mend_it(tenant, entity, customer, sell):
    customer.currency = "EUR"
    customer.save()
    sell(amount="100", start=date(2026, 3, 1), terms={"term_months": 12})
    with pytest.raises(MissingRate, match="import_rates"), transaction.atomic():
        run_billing(through=date(2026, 3, 1), finalize=True)
    assert not BusinessEvent.objects.filter(kind="invoice_finalized").exists()
    assert not Invoice.objects.exclude(status="draft").exists() and not JournalEntry.objects.exists()
    rates("Date USD\n2026-03-01 1.10")
    run_billing(through=date(2026, 3, 1), finalize=True)
    assert Invoice.objects.get(status="finalized").total.amount == D(100)


def test_the_commands_answer_in_json(tenant, tmp_path):
    def run(name: str, *arguments: str) -> tuple[dict, int]:
        out = StringIO()
        try:
            call_command(name, *arguments, "--tenant", "acme", "--json", stdout=out)
        except SystemExit as stop:
            return json.loads(out.getvalue()), int(stop.code or 0)
        return json.loads(out.getvalue()), 0

    file = tmp_path / "rates.csv"
    file.write_text("Date,USD\n2026-03-01,1.10\n")
    assert run("import_rates", str(file)) == (
        {"added": 1, "corrected": 0, "unchanged": 0, "left_out": [], "rejected": []},
        0,
    )
    file.write_text("Date,USD\n2026-03-01,1.20\n")
    answer, code = run("import_rates", str(file))
    assert (answer["added"], answer["rejected"][0]["line"], code) == (0, 2, 1)
    assert run("import_rates", str(file), "--correct")[0]["corrected"] == 1
    assert run("revalue", "--through", "2026-03-31") == (
        {"through": "2026-03-31", "balances": 0, "unrealized_gain": {}},
        0,
    )
