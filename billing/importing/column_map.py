"""The column map: which field of ours comes from which column of the file. A TOML file; the example explains it.

[contract]
number = { column = "customerID" }                       # from a column
start  = { value = "2026-01-01" }                        # the same for every row
term_months = { column = "Contract", map = { "One year" = "12" } }
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from billing.importing import plain

FIELDS: dict[str, dict[str, bool]] = {
    # section → field → required
    "customer": {
        "external_id": True,
        "name": False,
        "email": False,
        "address": False,
        "country": False,
        "tax_id": False,
        "currency": False,
    },
    "product": {"code": True, "name": False, "family": False, "recognition_method": False},
    "contract": {
        "number": True,
        "start": True,
        "end": False,
        "term_months": False,
        "renewal": False,
        "payment_terms_days": False,
        "currency": False,
        "reference": False,
    },
    "item": {
        "amount": True,
        "pricing_model": False,
        "quantity": False,
        "timing": False,
        "interval_months": False,
        "description": False,
        "tax_rate": False,
        "recognition_method": False,
    },
}


class InvalidColumnMap(ValueError):
    """The column map cannot be used; the text says what to mend in it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where one field comes from."""

    column: str | None
    value: str | None
    translations: Mapping[str, str] | None
    name: str

    def read(self, row: Mapping[str, str]) -> str:
        """Give the field's text in one row of the file. Raises ValueError for a value that the map does not list."""
        if self.column is None:
            return self.value or ""
        text = row[self.column].strip()
        if self.translations is None:
            return text
        try:
            return self.translations[text]
        except KeyError:
            known = ", ".join(f"“{key}”" for key in self.translations)
            raise ValueError(f"{self.column}: “{text}” is not one of {known}, which the column map lists.") from None


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """The sources of all fields given, by section, and the columns kept as attributes of the contract."""

    sections: Mapping[str, Mapping[str, Source]]
    attributes: Mapping[str, str]

    @property
    def columns(self) -> set[str]:
        named = {source.column for fields in self.sections.values() for source in fields.values() if source.column}
        return named | set(self.attributes.values())


def load_column_map(path: Path) -> ColumnMap:
    """Read and check a column map. Raises InvalidColumnMap."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidColumnMap(f"The column map {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidColumnMap("The column map is not text in UTF-8. Save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits, or a thousand brackets
        raise InvalidColumnMap(f"The column map is not valid TOML: {error}.") from error
    attributes = data.pop("attributes", {})
    if not isinstance(attributes, dict) or not all(isinstance(column, str) for column in attributes.values()):
        raise InvalidColumnMap("[attributes] lists names with the column each comes from, as text.")
    for name in attributes:
        _refuse_unfit("attributes", name)
    if unknown := sorted(set(data) - set(FIELDS)):
        raise InvalidColumnMap(
            f"The column map has a section [{unknown[0]}]; there are {', '.join(FIELDS)}, attributes."
        )
    return ColumnMap({section: _section(section, data.get(section, {})) for section in FIELDS}, attributes)


def _section(section: str, given: Mapping[str, Any]) -> dict[str, Source]:
    fields = FIELDS[section]
    if not isinstance(given, dict):
        raise InvalidColumnMap(f"[{section}] must be a section with a line for each field.")
    if unknown := sorted(set(given) - set(fields)):
        raise InvalidColumnMap(f"[{section}] has no field “{unknown[0]}”; it has {', '.join(fields)}.")
    if missing := [name for name, required in fields.items() if required and name not in given]:
        raise InvalidColumnMap(f"[{section}] lacks “{missing[0]}”.")
    return {name: _source(f"{section}.{name}", source) for name, source in given.items()}


def _source(name: str, given: Any) -> Source:
    if isinstance(given, str):
        given = {"column": given}
    known = isinstance(given, dict) and set(given) <= {"column", "value", "map"}
    if not known or ("column" in given) == ("value" in given) or ("map" in given and "column" not in given):
        raise InvalidColumnMap(f'{name} must be {{ column = "…" }}, with an optional map, or {{ value = "…" }}.')
    column, translations = given.get("column"), given.get("map")
    if column is not None and not isinstance(column, str):
        raise InvalidColumnMap(f'{name}: the name of a column is text in quotes, such as {{ column = "Name" }}.')
    if translations is not None and not isinstance(translations, dict):
        raise InvalidColumnMap(f'{name}: a map lists the file\'s words with ours, such as {{ "One year" = "12" }}.')
    if translations is not None:
        translations = {str(key): _word(name, value) for key, value in translations.items()}
    return Source(column, _word(name, given["value"]) if "value" in given else None, translations, name)


def _word(name: str, given: Any) -> str:
    """Give a value of the map as text. A fraction has to come as text: TOML reads 0.10 as binary floating point."""
    if isinstance(given, float | bool | dict | list):
        raise InvalidColumnMap(f'{name}: write “{str(given)[:50]}” as text in quotes, such as "49.50".')
    _refuse_unfit(name, str(given))
    return str(given)


def _refuse_unfit(name: str, text: str) -> None:
    if unfit := plain.unfit(text):
        raise InvalidColumnMap(f"{name} holds {unfit}.")
