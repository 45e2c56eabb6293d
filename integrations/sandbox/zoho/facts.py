"""The organisation that a fresh sandbox holds, read from company.toml."""

import tomllib
from pathlib import Path
from typing import Any

_FACTS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "company.toml").read_text(encoding="utf-8"))

ORGANIZATION: dict[str, Any] = _FACTS["organization"]
ORGANIZATION_ID: str = ORGANIZATION["organization_id"]
HOME: str = ORGANIZATION["currency_code"]
OAUTH: dict[str, str] = _FACTS["oauth"]
PREFERENCES: dict[str, Any] = _FACTS["preferences"]
ROLES: dict[str, str] = _FACTS["roles"]
CURRENCIES: list[dict[str, Any]] = _FACTS["currencies"]
CHART: list[list[str]] = _FACTS["chart"]["accounts"]
ITEMS: list[dict[str, str]] = _FACTS["items"]
TAXES: list[dict[str, str]] = _FACTS["taxes"]
TAGS: list[dict[str, Any]] = _FACTS["tags"]
LOCATIONS: list[dict[str, str]] = _FACTS["locations"]
UNIQUE_FIELDS: dict[str, Any] = _FACTS["unique_fields"]
