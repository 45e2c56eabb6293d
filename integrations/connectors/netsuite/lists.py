"""NetSuite's lists and company facts, read with SuiteQL."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from integrations.connectors.base import Company, ErpRow, Lock, RowKind
from integrations.connectors.netsuite.suiteql import Queries, Row, as_date, flag, iso
from integrations.documents import Kind

_RECEIVABLES = (
    Kind.INVOICE,
    Kind.CREDIT_NOTE,
    Kind.PAYMENT,
    Kind.PAYMENT_UPDATE,
    Kind.REFUND,
    Kind.CREDIT_ALLOCATION,
)
_PERIODS = (
    f"id, periodname, {as_date('startdate')}, {as_date('enddate')}, closed, alllocked, arlocked, isquarter, isyear"
)


def account(row: Row) -> ErpRow:
    """Read an account. Which column holds its number and name differs between accounts."""
    shown = str(row.get("accountsearchdisplayname") or row.get("displaynamewithhierarchy") or "")
    name = str(row.get("fullname") or row.get("acctname") or row.get("accountsearchdisplaynamecopy") or shown)
    number = str(row.get("acctnumber") or "")
    if number and name.startswith(f"{number} "):
        name = name.removeprefix(number).strip()
    return ErpRow(
        kind=RowKind.ACCOUNT,
        external_id=str(row["id"]),
        name=name,
        number=number,
        type=str(row.get("accttype", "")),
        is_active=not flag(row, "isinactive"),
        data={"summary": flag(row, "issummary"), "currency": str(row.get("currency", ""))},
    )


def _customer(row: Row) -> ErpRow:
    name = str(row.get("companyname") or row.get("altname") or row.get("entityid") or "")
    return ErpRow(
        kind=RowKind.CUSTOMER,
        external_id=str(row["id"]),
        name=name,
        number=str(row.get("entityid") or ""),
        is_active=not flag(row, "isinactive"),
        data={"external_id": str(row.get("externalid") or ""), "currency": str(row.get("currency") or "")},
    )


def _item(row: Row) -> ErpRow:
    return ErpRow(
        kind=RowKind.PRODUCT,
        external_id=str(row["id"]),
        name=str(row.get("fullname") or row.get("itemid") or row.get("displayname") or ""),
        type=str(row.get("itemtype") or ""),
        subtype=str(row.get("subtype") or ""),
        is_active=not flag(row, "isinactive"),
        data={"income_account": str(row.get("incomeaccount") or "")},
    )


def _tax_code(row: Row) -> ErpRow:
    return ErpRow(
        kind=RowKind.TAX_CODE,
        external_id=str(row["id"]),
        name=str(row.get("name") or row.get("itemid") or ""),
        is_active=not flag(row, "isinactive"),
        data={"rate": str(row.get("rate") or ""), "tax_type": str(row.get("taxtype") or "")},
    )


def _currency(row: Row) -> ErpRow:
    return ErpRow(
        kind=RowKind.CURRENCY,
        external_id=str(row["id"]),
        name=str(row.get("name") or ""),
        number=str(row.get("symbol") or ""),
        is_active=not flag(row, "isinactive"),
        data={"digits": str(row.get("currencyprecision") or "")},
    )


def _segment(kind: RowKind) -> Callable[[Row], ErpRow]:
    def read(row: Row) -> ErpRow:
        return ErpRow(
            kind=kind,
            external_id=str(row["id"]),
            name=str(row.get("fullname") or row.get("name") or ""),
            is_active=not flag(row, "isinactive"),
        )

    return read


def _subsidiary(row: Row) -> ErpRow:
    return ErpRow(
        kind=RowKind.SUBSIDIARY,
        external_id=str(row["id"]),
        name=str(row.get("fullname") or row.get("name") or ""),
        is_active=not flag(row, "isinactive") and not flag(row, "iselimination"),
        data={"currency": str(row.get("currency") or ""), "parent": str(row.get("parent") or "")},
    )


_SEGMENT = "id, name, fullname, isinactive"
# Kind: table, columns, reader, whether an account may be without it.
_TABLES: dict[RowKind, tuple[str, str, Callable[[Row], ErpRow], bool]] = {
    RowKind.ACCOUNT: (
        "account",
        "id, acctnumber, accountsearchdisplayname, fullname, accttype, isinactive, issummary, currency",
        account,
        False,
    ),
    RowKind.CURRENCY: ("currency", "id, name, symbol, currencyprecision, isinactive", _currency, True),
    RowKind.SUBSIDIARY: (
        "subsidiary",
        "id, name, fullname, parent, currency, iselimination, isinactive",
        _subsidiary,
        True,
    ),
    RowKind.CUSTOMER: (
        "customer",
        "id, entityid, companyname, altname, currency, externalid, isinactive",
        _customer,
        False,
    ),
    RowKind.PRODUCT: ("item", "id, itemid, fullname, itemtype, subtype, incomeaccount, isinactive", _item, False),
    RowKind.TAX_CODE: ("salestaxitem", "id, name, rate, taxtype, isinactive", _tax_code, True),
    RowKind.DEPARTMENT: ("department", _SEGMENT, _segment(RowKind.DEPARTMENT), True),
    RowKind.CLASS: ("classification", _SEGMENT, _segment(RowKind.CLASS), True),
    RowKind.LOCATION: ("location", _SEGMENT, _segment(RowKind.LOCATION), True),
}
KINDS = tuple(_TABLES)


def read_lists(queries: Queries, *, changed: datetime | None) -> Iterator[ErpRow]:
    """Read all lists, inactive rows too; with `changed` what changed since. Raises DeliveryError."""
    codes: dict[str, str] = {}
    for kind, (table, columns, reader, optional) in _TABLES.items():
        # Currencies are few, and subsidiaries name them by id: they are read whole.
        moment = None if kind is RowKind.CURRENCY else changed
        for row in queries.table(table, columns, changed=moment, optional=optional):
            found = reader(row)
            if kind is RowKind.CURRENCY:
                codes[found.external_id] = found.number
            if kind is RowKind.SUBSIDIARY:
                home = codes.get(found.data["currency"], found.data["currency"])
                found = ErpRow(
                    kind,
                    found.external_id,
                    found.name,
                    is_active=found.is_active,
                    data={**found.data, "currency": home},
                )
            yield found


def read_company(queries: Queries, *, account_id: str, options: Any) -> Company:
    """Read what matters before posting. Raises DeliveryError."""
    currencies = list(queries.table("currency", "id, symbol, currencyprecision, isbasecurrency", optional=True))
    codes = {str(row["id"]): str(row.get("symbol") or "") for row in currencies}
    subsidiaries = list(queries.table("subsidiary", "*", optional=True))
    homes = {str(row["id"]): codes.get(str(row.get("currency")), "") for row in subsidiaries}
    first = next((row for row in subsidiaries if not row.get("parent")), subsidiaries[0] if subsidiaries else {})
    chosen = str(options.get("subsidiary") or first.get("id") or "")
    mine = next((row for row in subsidiaries if str(row["id"]) == chosen), first)
    base = next((codes[str(row["id"])] for row in currencies if flag(row, "isbasecurrency")), "")
    taxes = {str(row["id"]): str(row.get("taxtype") or "") for row in _tax_codes(queries)}
    kinds = list(queries.table("taxtype", "id, name", optional=True))
    through, locks = _locks(list(queries.table("accountingperiod", _PERIODS, optional=True)))
    return Company(
        name=str(mine.get("name") or account_id),
        country=str(mine.get("country") or ""),
        home_currency=homes.get(chosen) or base,
        multi_currency=len(currencies) > 1,
        books_closed_through=through,
        own_numbers=True,
        time_zone=str(mine.get("timezone") or ""),
        locks=locks,
        extra={
            "subsidiary": chosen,
            "subsidiaries": homes,
            "currencies": {code: number for number, code in codes.items()},
            "digits": {
                codes[str(row["id"])]: row["currencyprecision"] for row in currencies if "currencyprecision" in row
            },
            # Codes without a type are those of legacy taxes, whatever types there are.
            "taxes": "suitetax" if kinds and (any(taxes.values()) or not taxes) else "legacy",
            "tax_types": taxes,
            "tax_type_names": {str(row["id"]): str(row.get("name") or "") for row in kinds},
        },
    )


def _tax_codes(queries: Queries) -> list[Row]:
    return list(queries.table("salestaxitem", "id, taxtype", optional=True))


def _locks(periods: list[Row]) -> tuple[str, tuple[Lock, ...]]:
    """Give the day up to which everything is closed, and what is locked beyond it."""
    months = sorted(
        (row for row in periods if not flag(row, "isyear") and not flag(row, "isquarter") and row.get("enddate")),
        key=lambda row: iso(row["enddate"]),
    )
    through = ""
    locks: list[Lock] = []
    still = True
    for row in months:
        closed = flag(row, "closed") or flag(row, "alllocked")
        still = still and closed
        if still:
            through = iso(row["enddate"])
        elif closed or flag(row, "arlocked"):
            kinds = () if closed else tuple(kind.value for kind in _RECEIVABLES)
            name = str(row.get("periodname") or "")
            locks.append(Lock(iso(row["enddate"]), iso(row.get("startdate") or ""), kinds, name))
    return through, tuple(locks)
