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
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidColumnMap(f"The column map {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidColumnMap(f"The column map {path} is not valid TOML: {error}.") from error
    attributes = data.pop("attributes", {})
    if not isinstance(attributes, dict) or not all(isinstance(column, str) for column in attributes.values()):
        raise InvalidColumnMap("[attributes] lists names with the column each comes from, as text.")
    if unknown := sorted(set(data) - set(FIELDS)):
        raise InvalidColumnMap(
            f"The column map has a section [{unknown[0]}]; there are {', '.join(FIELDS)}, attributes."
        )
    return ColumnMap({section: _section(section, data.get(section, {})) for section in FIELDS}, attributes)


def _section(section: str, given: Mapping[str, Any]) -> dict[str, Source]:
    fields = FIELDS[section]
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
    translations = given.get("map")
    if translations is not None:
        translations = {str(key): str(value) for key, value in translations.items()}
    value = given.get("value")
    return Source(given.get("column"), None if value is None else str(value), translations, name)
