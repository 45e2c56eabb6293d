"""Files are saved under their name, and open without doing anything, whatever a person called things."""

import pytest

from billing.downloads import file_headers, harmless


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("INV-000001.pdf", 'attachment; filename="INV-000001.pdf"'),
        ('a"; x="b.pdf', 'attachment; filename="a\\"; x=\\"b.pdf"'),
        ("Übersicht.csv", "attachment; filename*=utf-8''%C3%9Cbersicht.csv"),
    ],
)
def test_a_name_stays_a_name_in_the_header(name: str, header: str) -> None:
    assert file_headers(name) == {"Content-Disposition": header}
    assert file_headers(name, opens=True) == {"Content-Disposition": header.replace("attachment", "inline")}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_a_text_is_no_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless(f"A{text}") == f"A{text}"
