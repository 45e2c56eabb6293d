"""The organisation a fresh sandbox holds, read from company.toml."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

_FACTS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "company.toml").read_text(encoding="utf-8"))

ORGANISATION: dict[str, str] = _FACTS["organisation"]
TENANT_ID = ORGANISATION["tenant_id"]
OAUTH: dict[str, str] = _FACTS["oauth"]
PREFERENCES: dict[str, Any] = _FACTS["preferences"]
CHART: list[list[Any]] = _FACTS["chart"]["accounts"]
BANK_CURRENCIES: dict[str, str] = _FACTS["chart"]["bank_currencies"]
TAX_RATES: list[list[Any]] = _FACTS["tax"]["rates"]
RATES: dict[str, Decimal] = {code: Decimal(rate) for code, rate in _FACTS["rates"].items()}
SUBSCRIBED: list[str] = _FACTS["currencies"]["subscribed"]
ITEMS: list[dict[str, str]] = _FACTS["items"]
TRACKING: list[dict[str, Any]] = _FACTS["tracking"]

CLASSES = {
    "BANK": "ASSET",
    "CURRENT": "ASSET",
    "FIXED": "ASSET",
    "INVENTORY": "ASSET",
    "NONCURRENT": "ASSET",
    "PREPAYMENT": "ASSET",
    "EQUITY": "EQUITY",
    "DEPRECIATN": "EXPENSE",
    "DIRECTCOSTS": "EXPENSE",
    "EXPENSE": "EXPENSE",
    "OVERHEADS": "EXPENSE",
    "CURRLIAB": "LIABILITY",
    "LIABILITY": "LIABILITY",
    "TERMLIAB": "LIABILITY",
    "PAYG": "LIABILITY",
    "OTHERINCOME": "REVENUE",
    "REVENUE": "REVENUE",
    "SALES": "REVENUE",
}
