"""Files at and beyond the edges: long fields and memory, control characters, odd headings, texts longer than a column."""

import json
import random
import tracemalloc
from collections import Counter
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from billing.importing.column_map import load_column_map
from billing.importing.contracts import import_contracts
from billing.importing.rows import ContractRow, UnreadableFile, read_rows
from billing.models import Contract, Customer, Tenant

MAP = """
[customer]
external_id = "id"
email = "email"
[product]
code = { value = "pro" }
family = "family"
[contract]
number = "id"
start = "start"
end = "end"
[item]
amount = "amount"
pricing_model = "model"
[attributes]
note = "note"
"""
HEADING = "id,start,end,amount,model,email,family,note"
GOOD = "A-1,2026-01-01,2027-01-01,10.00,flat_fee,a@b.example,plans,hello"

Run = Callable[..., tuple[dict[str, Any], int]]


@pytest.fixture
def run(tenant: Tenant, tmp_path: Path) -> Run:
    """Import bytes by the command; answers the JSON and the exit code."""

    def import_bytes(content: bytes, *options: str) -> tuple[dict[str, Any], int]:
        columns, path, out = tmp_path / "map.toml", tmp_path / "contracts.csv", StringIO()
        columns.write_text(MAP)
        path.write_bytes(content)
        try:
            call_command(
                "import_contracts", str(path), "--columns", str(columns), "--tenant", tenant.slug, "--json", *options,
                stdout=out, stderr=StringIO(),
            )  # fmt: skip
        except SystemExit as stop:
            return json.loads(out.getvalue()), int(stop.code or 0)
        return json.loads(out.getvalue()), 0

    return import_bytes


def file(*rows: str, heading: str = HEADING, end: str = "\n") -> bytes:
    return end.join([heading, *rows, ""]).encode()


@pytest.mark.parametrize(
    ("content", "contracts"),
    [
        (file(GOOD), 1),
        (file(GOOD, end="\r\n"), 1),
        (b"\xef\xbb\xbf" + file(GOOD), 1),
        (file(GOOD).rstrip(), 1),
        (file("", GOOD, "", ""), 1),
        (file(GOOD, heading=HEADING.replace(",", " , ")), 1),
        (file(GOOD.replace("hello", '"two\nlines, ""quoted"""')), 1),
        (file(), 0),
    ],
    ids=["plain", "CRLF", "BOM", "no last newline", "blank lines", "blanks in the heading", "quoted", "only a heading"],
)
def test_what_a_spreadsheet_may_write_is_read(run: Run, content: bytes, contracts: int) -> None:
    result, exit_code = run(content)
    assert (exit_code, result["contracts"], result["rejected"]) == (0, contracts, [])
    assert Contract.objects.filter(status="active").count() == contracts


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (GOOD.replace("A-1", "A-2").replace("hello", "a\x1fb"), "control character"),
        (GOOD.replace("A-1", "A-2").replace("hello", "\x1e"), "control character"),
        (GOOD.replace("A-1", "A-2").replace("a@b.example", "a" * 300), "email: the text has 300 characters"),
        (GOOD.replace("A-1", "A-2").replace("plans", "p" * 51), "family: the text has 51 characters"),
        (GOOD.replace("A-1", "x" * 101), "external_id: the text has 101 characters"),
        (GOOD.replace("A-1", "A-2").replace("10.00,flat_fee", "0.00000000001,per_unit"), "at most 10 decimals"),
        (GOOD.replace("A-1", "A-2").replace("2027-01-01", "2026-01-01"), "not after the start"),
        (GOOD.replace("A-1", "A-2").replace("2026-01-01", "2026-02-30"), "not a date"),
        (GOOD.replace("A-1", "A-2").replace("flat_fee", "free"), "not one of flat_fee, per_unit"),
        (GOOD.replace("A-1", "A-2").replace("2027-01-01", "9999-12-31"), "not a date"),
        (GOOD.replace("A-1", "A-\u202e2"), "unprintable control character (U+202E)"),
        (GOOD.replace("A-1", "A-2").replace("hello", "a\x7fb"), "unprintable control character (U+007F)"),
    ],
)
def test_a_bad_row_is_told_by_its_line_and_the_others_can_be_taken(run: Run, row: str, reason: str) -> None:
    """Among many rows, where they are written as arrays, as well as among few."""
    many = [GOOD.replace("A-1", f"B-{number}") for number in range(30)]
    for rows in ([GOOD], many):
        content = file(*rows, row)
        result, exit_code = run(content)
        assert (exit_code, result["contracts"]) == (1, 0)
        assert [bad["line"] for bad in result["rejected"]] == [len(rows) + 2]
        assert reason in result["rejected"][0]["reason"]
        assert Customer.objects.filter(external_id__startswith=rows[0][0]).count() == 0
        result, exit_code = run(content, "--skip-bad-rows")
        assert (exit_code, result["contracts"], len(result["rejected"])) == (0, len(rows), 1)


BIG = "x" * 10_000_000
LINES = "\n".join(["x" * 79] * 125_000)  # ten megabytes inside one pair of quotes


@pytest.mark.parametrize("field", [BIG, f'"{BIG}"', f'"{LINES}"'], ids=["bare", "quoted", "quoted, in lines"])
def test_a_field_of_ten_megabytes_does_not_fill_the_memory(run: Run, field: str) -> None:
    content = file(GOOD, GOOD.replace("A-1", "A-2").replace("hello", field))
    tracemalloc.start()
    result, exit_code = run(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (exit_code, result["contracts"], result["rejected"][0]["line"]) == (1, 0, 3)
    assert peak < 60_000_000
    assert Customer.objects.count() == 0


def test_a_byte_that_is_not_utf8_does_not_hide_the_rows_after_it(run: Run) -> None:
    content = file(GOOD) + b"A-2,2026-01-01,,5,flat_fee,\xe9,plans,x\n" + GOOD.replace("A-1", "A-3").encode()
    result, exit_code = run(content, "--skip-bad-rows")
    assert (exit_code, result["contracts"]) == (0, 2)
    assert [(bad["line"], "UTF-8" in bad["reason"]) for bad in result["rejected"]] == [(3, True)]


WIDE_MAP = """
[customer]
external_id = "id"
name = "name"
country = "country"
tax_id = "tax_id"
[product]
code = { value = "pro" }
name = "product"
[contract]
number = "id"
start = { value = "2026-01-01" }
reference = "reference"
[item]
amount = { value = "10" }
quantity = "quantity"
description = "description"
"""
WIDE = {
    "id": "A-1", "name": "Globex", "country": "us", "tax_id": "12-3", "product": "Pro", "reference": "PO 7",
    "quantity": "1.5", "description": "Seats",
}  # fmt: skip


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ("name", "x" * 201, "name: the text has 201 characters; 200 are the most."),
        ("country", "Germany", "country: “Germany” is not a country code of two letters, such as US."),
        ("tax_id", "1" * 51, "tax_id: the text has 51 characters; 50 are the most."),
        ("product", "x" * 201, "name: the text has 201 characters; 200 are the most."),
        ("reference", "x" * 201, "reference: the text has 201 characters; 200 are the most."),
        ("description", "x" * 201, "description: the text has 201 characters; 200 are the most."),
        ("quantity", "0.0000001", "quantity: “0.0000001” has more than 6 decimals."),
        ("quantity", "1e-9999999999999", "quantity: “1e-9999999999999” is not a number such as 1249.50, with a point"),
    ],
)
def test_nothing_is_cut_to_fit(tenant: Tenant, tmp_path: Path, column: str, text: str, reason: str) -> None:
    path, columns = tmp_path / "contracts.csv", tmp_path / "map.toml"
    columns.write_text(WIDE_MAP, encoding="utf-8-sig")  # as an editor on Windows saves it

    def take(row: dict[str, str]) -> Any:
        path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
        return import_contracts(path=path, columns=load_column_map(columns))

    refused = take(WIDE | {column: text})
    assert [(bad.line, bad.reason[: len(reason)]) for bad in refused.rejected] == [(2, reason)]
    assert (refused.imported, Customer.objects.count(), Contract.objects.count()) == (False, 0, 0)
    assert take(WIDE).contracts == 1
    assert Customer.objects.get().country == "US"


def test_whatever_becomes_of_a_file_it_is_read_or_refused_in_words(tmp_path: Path) -> None:
    """Thousands of spoiled files: each line is a row or a reason, or the file is unreadable and says why."""
    columns, path, spoil = tmp_path / "map.toml", tmp_path / "contracts.csv", random.Random(7)
    columns.write_text(MAP)
    column_map = load_column_map(columns)
    good = file(GOOD, GOOD.replace("hello", '"two\nlines"'))
    pieces = [
        b'"',
        b",",
        b"\r",
        b"\n",
        b"\0",
        b";",
        b"\t",
        b"\xff",
        b"=",
        b"e9999999999",
        b"9" * 5000,
        b"_",
        b"-",
        b"\xef\xbb\xbf",
    ]
    outcomes: Counter[str] = Counter()
    for _ in range(2000):
        content = bytearray(good)
        for _ in range(spoil.randint(1, 5)):
            place = spoil.randrange(len(content))
            content[place : place + spoil.choice((0, 0, 1, 4))] = spoil.choice([*pieces, bytes([spoil.randrange(256)])])
        path.write_bytes(bytes(content))
        try:
            rows = list(read_rows(path, column_map, default_currency="USD"))
        except UnreadableFile:
            outcomes["UnreadableFile"] += 1
            continue
        assert all(isinstance(row, ContractRow) or row.reason for row in rows)
        outcomes.update(type(row).__name__ for row in rows)
    assert set(outcomes) == {"ContractRow", "BadRow", "UnreadableFile"}
