"""Files that cannot be imported are refused with the line and the reason, and leave no trace."""

import base64
import json
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command

from accounting.setup import set_up_books
from billing.importing import contracts
from billing.models import Contract, ContractItem, Customer
from billing.services.jobs import job_kind
from billing.services.tenants import add_business_entity

MAP = settings.BASE_DIR / "docs/examples/telco_columns.toml"
COLUMNS = "customerID,tenure,PhoneService,InternetService,Contract,PaymentMethod,MonthlyCharges"
GOOD = [
    "A-1,1,No,DSL,Month-to-month,Check,29.85",
    "A-2,34,Yes,Fiber optic,One year,Card,56.95",
    "A-3,2,Yes,No,Two year,Card,20",
]


@pytest.fixture
def run(tenant, tmp_path):
    """Import lines (or bytes) by the command; answers the JSON and the exit code."""

    def import_file(content, *options: str, columns: Path = MAP, encoding: str = "utf-8"):
        path = tmp_path / "contracts.csv"
        if isinstance(content, list):
            content = "\n".join([COLUMNS, *content]).encode(encoding) + b"\n"
        path.write_bytes(content)
        out = StringIO()
        try:
            call_command(
                "import_contracts", str(path), "--columns", str(columns), "--tenant", tenant.slug, "--json", *options,
                stdout=out, stderr=StringIO(),
            )  # fmt: skip
        except SystemExit as stop:
            return json.loads(out.getvalue()), stop.code
        return json.loads(out.getvalue()), 0

    return import_file


def rows_of_everything() -> dict[str, int]:
    models = [
        model for app in ("billing", "accounting", "integrations") for model in apps.get_app_config(app).get_models()
    ]
    return {model._meta.db_table: model._base_manager.count() for model in models}


def with_columns(tmp_path: Path, **sources: str) -> Path:
    """The example's map, with other sources for some fields of the contract."""
    text = MAP.read_text()
    for name, source in sources.items():
        lines = [f"{name} = {source}" if line.startswith(f"{name} =") else line for line in text.splitlines()]
        text = "\n".join(lines)
    path = tmp_path / "columns.toml"
    path.write_text(text)
    return path


LONG = "x" * 10_000_000
BAD = {
    "a price that is negative": ([*GOOD, "A-4,1,No,DSL,One year,Check,-5"], 5, "negative"),
    "a price that is no number": ([GOOD[0], "A-4,1,No,DSL,One year,Check,abc"], 3, "not a number"),
    "a price of NaN": ([GOOD[0], "A-4,1,No,DSL,One year,Check,NaN"], 3, "not a number"),
    "a price without end": ([GOOD[0], "A-4,1,No,DSL,One year,Check,1e999999"], 3, "not a number"),
    "a price beyond decimals": ([GOOD[0], "A-4,1,No,DSL,One year,Check,1e9999999999"], 3, "not a number"),
    "a price beyond what can be billed": ([GOOD[0], "A-4,1,No,DSL,One year,Check,99999999999999"], 3, "not an amount"),
    "a price as a spreadsheet shortens it": ([GOOD[0], "A-4,1,No,DSL,One year,Check,1.2E+03"], 3, "not a number"),
    "a price with thousands": ([GOOD[0], 'A-4,1,No,DSL,One year,Check,"1,200.00"'], 3, "no other separators"),
    "a price of a programmer": ([GOOD[0], "A-4,1,No,DSL,One year,Check,1_000"], 3, "not a number"),
    "a price in other digits": ([GOOD[0], "A-4,1,No,DSL,One year,Check,１２"], 3, "not a number"),
    "a price with a third decimal": ([GOOD[0], "A-4,1,No,DSL,One year,Check,1.005"], 3, "more decimals"),
    "a price that is missing": ([GOOD[0], "A-4,1,No,DSL,One year,Check,"], 3, "not a number"),
    "a duplicate customer": ([*GOOD, GOOD[1]], 5, "on line 3 already"),
    "an empty customer": ([GOOD[0], ",1,No,DSL,One year,Check,5"], 3, "empty"),
    "a word that the map does not know": ([GOOD[0], "A-4,1,No,DSL,Five year,Check,5"], 3, "Five year"),
    "a field too many": ([GOOD[0], "A-4,1,No,DSL,One year,Check,5,6"], 3, "8 fields"),
    "a field too few": ([GOOD[0], "A-4,1,No,DSL,One year"], 3, "5 fields"),
    "a field of ten megabytes": ([GOOD[0], f"A-4,1,No,DSL,One year,{LONG},5"], 3, "longer than"),
    "a quoted field of ten megabytes": ([GOOD[0], f'A-4,1,No,DSL,One year,"{LONG}",5', GOOD[1]], 3, "longer than"),
    "a field of a hundred kilobytes": ([GOOD[0], f"A-4,1,No,DSL,One year,{LONG[:100_000]},5"], 3, "100,000 characters"),
    "a NUL": ([GOOD[0], "A-4,1,No,DSL,One year,Ch\x00eck,5"], 3, "NUL"),
    "a quote that never ends": ([GOOD[0], 'A-4,1,No,DSL,One year,"Check,5'], 3, "not valid CSV"),
    "bytes that are not UTF-8": ((COLUMNS + "\n" + GOOD[0] + "\n").encode() + b"A-4,1,No,DSL,One year,\xff\xfe,5\n", 3, "UTF-8"),
    "a heading that is not UTF-8": (b"customerID,\xff\n", 1, "UTF-8"),
    "a file in UTF-16": ((COLUMNS + "\n" + GOOD[0]).encode("utf-16"), 1, "UTF-8"),
    "a missing column": (b"customerID,Contract\nA-1,One year\n", 1, "no column"),
    "no heading at all": (b"", 1, "empty"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "line", "reason"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_and_leaves_no_trace(run, content, line, reason):
    before = rows_of_everything()
    result, exit_code = run(content)
    assert exit_code == 1
    assert (result["customers"], result["contracts"]) == (0, 0)
    assert result["rejected"][0]["line"] == line
    assert reason in result["rejected"][0]["reason"]
    assert rows_of_everything() == before


@pytest.mark.parametrize(
    ("sources", "line", "reason"),
    [
        ({"start": '{ column = "tenure" }'}, 2, "not a date"),
        ({"start": '{ value = "2026-02-30" }'}, 2, "not a date"),
        ({"start": '{ value = "20260101" }'}, 2, "not a date"),
        ({"start": '{ value = "2026-W01-1" }'}, 2, "not a date"),
        ({"start": '{ value = "0001-01-01" }'}, 2, "not a date"),
        ({"start": '{ value = "9999-12-31" }'}, 2, "not a date"),
        ({"term_months": '{ value = "' + "9" * 5000 + '" }'}, 2, "whole number"),
        ({"currency": '{ value = "XXQ" }'}, 2, "not a currency"),
        ({"currency": '{ value = "usd" }'}, 2, "not a currency"),
    ],
)
def test_dates_and_currencies_are_checked(run, tmp_path, sources, line, reason):
    before = rows_of_everything()
    result, exit_code = run(GOOD, columns=with_columns(tmp_path, **sources))
    assert exit_code == 1
    assert result["rejected"][0]["line"] == line
    assert reason in result["rejected"][0]["reason"]
    assert rows_of_everything() == before


def test_every_bad_row_is_told_not_just_the_first(run):
    result, _ = run([GOOD[0], "A-4,1,No,DSL,One year,Check,-5", GOOD[1], "A-5,1,No,DSL,One year,Check,x"])
    assert [bad["line"] for bad in result["rejected"]] == [3, 5]


def test_bad_rows_can_be_skipped(run):
    result, exit_code = run([GOOD[0], "A-4,1,No,DSL,One year,Check,-5", GOOD[1]], "--skip-bad-rows")
    assert (exit_code, result["contracts"], len(result["rejected"])) == (0, 2, 1)
    assert set(Contract.objects.values_list("number", "status")) == {("A-1", "active"), ("A-2", "active")}


def test_a_good_file_becomes_customers_products_and_contracts(run):
    result, exit_code = run(b"\xef\xbb\xbf" + "\r\n".join([COLUMNS, *GOOD, ""]).encode())
    assert (exit_code, result["customers"], result["contracts"], result["rejected"]) == (0, 3, 3, [])
    contract = Contract.objects.get(number="A-2")
    assert (str(contract.start), str(contract.end), contract.term_months, contract.renewal) == (
        "2026-01-01",
        "2027-01-01",
        12,
        "none",
    )
    assert contract.attributes["tenure"] == "34"
    item = ContractItem.objects.get(contract=contract)
    assert (item.product.code, item.pricing, str(item.next_billing_on)) == (
        "internet-fiber",
        {"amount": "56.95"},
        "2026-01-01",
    )


def test_with_several_entities_the_file_is_for_the_one_that_is_named(run, tenant):
    other = add_business_entity(tenant=tenant, code="south", name="South", currency="USD")
    set_up_books(business_entity=other)
    before = rows_of_everything()
    for options, words in (((), "Name the business entity"), (("--entity", "east"), "no business entity “east”")):
        with pytest.raises(CommandError, match=words):
            run(GOOD, *options)
    assert rows_of_everything() == before
    answer, code = run(GOOD, "--entity", "south")
    assert (answer["contracts"], code) == (3, 0)
    assert set(Customer.objects.values_list("business_entity__code", flat=True)) == {"south"}
    assert set(Contract.objects.values_list("business_entity__code", flat=True)) == {"south"}
    # The same customer cannot be billed by two of them; were it so, the books of one would hold debts of the other's.
    answer, code = run(["A-1,1,No,DSL,Two year,Check,5"], "--entity", "main")
    assert code == 1 and "exists with other terms" in answer["rejected"][0]["reason"]
    Contract.objects.filter(customer__external_id="A-1").update(number="A-1-old")
    answer, code = run(["A-1,1,No,DSL,Two year,Check,5"], "--entity", "main")
    assert code == 1 and "is another business entity's, not main's" in answer["rejected"][0]["reason"]


def test_the_same_file_again_adds_nothing(run):
    run(GOOD)
    before = rows_of_everything()
    result, exit_code = run(GOOD)
    assert (exit_code, result["customers"], result["contracts"], result["unchanged"]) == (0, 0, 0, 3)
    assert rows_of_everything() == before


def test_other_terms_for_a_known_contract_are_refused(run):
    run(GOOD)
    result, exit_code = run([GOOD[0].replace("29.85", "30.00")])
    assert exit_code == 1
    assert "other terms" in result["rejected"][0]["reason"]
    assert Customer.objects.count() == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[contract", "not valid TOML"),
        ("[contracts]\nx = 1", "section [contracts]"),
        ('[customer]\nexternal_id = { column = "a" }\nshoe = { column = "b" }', "no field “shoe”"),
        ('[customer]\nname = { column = "a" }', "lacks “external_id”"),
        ('[customer]\nexternal_id = { column = "a", value = "b" }', "must be"),
        ("customer = 5", "must be a section"),
        ("[[customer]]\nname = 1", "must be a section"),
        ("[customer]\nexternal_id = { column = 5 }", "text in quotes"),
        ('[customer]\nexternal_id = { column = "a", map = 5 }', "a map lists"),
        ("[customer]\nexternal_id = { value = 49.5 }", "as text in quotes"),
        ('[customer]\nexternal_id = { value = "a\\u0000b" }', "NUL"),
        ("a = " + "[" * 3000, "not valid TOML"),
        ("[customer]\nexternal_id = { value = " + "9" * 5000 + " }", "not valid TOML"),
    ],
)
def test_a_broken_column_map_says_what_to_mend(run, tmp_path, text, reason):
    path = tmp_path / "columns.toml"
    path.write_text(text)
    with pytest.raises(CommandError, match=reason.replace("[", r"\[").replace("]", r"\]")):
        run(GOOD, columns=path)


def test_a_file_that_is_not_there(run, tenant, tmp_path):
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command(
            "import_contracts", str(tmp_path), "--columns", str(MAP), "--tenant", tenant.slug, "--json", stdout=out
        )
    assert "cannot be read" in json.loads(out.getvalue())["rejected"][0]["reason"]


def test_an_import_shows_how_much_of_its_file_is_read(tenant, monkeypatch) -> None:
    monkeypatch.setattr(contracts, "_CHUNK", 1)
    given = {"file": "\n".join([COLUMNS, *GOOD]), "columns": MAP.read_text()}
    encoded = {f"{name}_base64": base64.b64encode(text.encode()).decode() for name, text in given.items()}
    for end in ("", "\n"):
        seen: list[tuple[int, int]] = []
        encoded["file_base64"] = base64.b64encode((given["file"] + end).encode()).decode()
        job_kind("import_contracts").run(
            {**encoded, "skip_bad_rows": False}, lambda done, total, seen=seen: seen.append((done, total))
        )
        assert seen == [(1, 3), (2, 3), (3, 3)]
