"""The account a fresh sandbox holds, read from company.toml."""

import tomllib
from pathlib import Path
from typing import Any

_FACTS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "company.toml").read_text(encoding="utf-8"))

COMPANY: dict[str, str] = _FACTS["company"]
ACCOUNT_ID: str = COMPANY["account_id"]
CLIENT_ID: str = _FACTS["oauth"]["client_id"]
TOKEN: dict[str, str] = _FACTS["token"]
PREFERENCES: dict[str, Any] = _FACTS["preferences"]
ROLES: dict[str, str] = _FACTS["roles"]
CURRENCIES: list[dict[str, Any]] = _FACTS["currencies"]
SUBSIDIARIES: list[dict[str, str]] = _FACTS["subsidiaries"]
LISTS: dict[str, list[str]] = _FACTS["lists"]
TAX_CODES: list[dict[str, str]] = _FACTS["tax_codes"]
CHART: list[list[str]] = _FACTS["chart"]["accounts"]
ITEMS: list[list[str]] = _FACTS["items"]["names"]
FIRST_YEAR, LAST_YEAR = 2023, 2030  # of the accounting periods
