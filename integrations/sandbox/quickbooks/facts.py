"""The company a fresh sandbox holds, read from company.toml."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

_FACTS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "company.toml").read_text(encoding="utf-8"))

REALM_ID: str = _FACTS["company"]["realm_id"]
COMPANY: dict[str, str] = _FACTS["company"]
OAUTH: dict[str, str] = _FACTS["oauth"]
PREFERENCES: dict[str, Any] = _FACTS["preferences"]
ROLES: dict[str, str] = _FACTS["roles"]
CHART: list[list[str]] = _FACTS["chart"]["accounts"]
ITEMS: list[dict[str, str]] = _FACTS["items"]
LISTS: dict[str, list[dict[str, Any]]] = _FACTS["lists"]
RATES: dict[str, Decimal] = {code: Decimal(rate) for code, rate in _FACTS["rates"].items()}
HOME = COMPANY["home_currency"]
