"""Suggestions by number, name and type; what is missing in words."""

import pytest

from accounting.models import Account
from integrations import mapping
from integrations.models import ErpRecord, Mapping
from integrations.readiness import readiness


@pytest.fixture
def theirs(connection):
    def add(external_id: str, name: str, kind: str, *, number: str = "", active: bool = True) -> ErpRecord:
        return ErpRecord.objects.create(
            connection=connection,
            kind="account",
            external_id=external_id,
            name=name,
            type=kind,
            number=number,
            is_active=active,
        )

    return add


def suggested(code: str) -> str | None:
    account = Account.objects.get(code=code)
    return Mapping.objects.filter(kind="account", internal_id=account.pk).values_list("external_id", flat=True).first()


def test_accounts_are_suggested_by_name_and_type(connection, theirs) -> None:
    theirs("84", "Accounts Receivable (A/R)", "Accounts Receivable")
    theirs("35", "Cash", "Bank")
    theirs("91", "Deferred revenue", "Other Current Liability")
    theirs("79", "Sales and services revenue", "Income")
    mapping.suggest(connection)
    assert [suggested(code) for code in ("1110", "1000", "2300", "4000")] == ["84", "35", "91", "79"]


def test_a_like_name_of_the_wrong_type_is_not_suggested(connection, theirs) -> None:
    theirs("1", "Deferred Revenue", "Income")
    theirs("2", "Cash", "Bank", active=False)
    mapping.suggest(connection)
    assert suggested("2300") is None
    assert suggested("1000") is None


def test_no_record_is_suggested_twice(connection, theirs) -> None:
    theirs("1", "FX Gain", "Other Income")
    mapping.suggest(connection)
    assert Mapping.objects.filter(external_id="1").count() <= 1


def test_suggesting_again_leaves_what_a_person_chose(connection, theirs) -> None:
    theirs("35", "Cash", "Bank")
    other = theirs("36", "Checking", "Bank")
    cash = Account.objects.get(code="1000")
    mapping.choose(connection, kind="account", internal_id=cash.pk, record=other)
    mapping.suggest(connection)
    assert suggested("1000") == "36"


def test_only_confirmed_mappings_make_a_connection_ready(connection, theirs) -> None:
    theirs("35", "Cash", "Bank")
    mapping.suggest(connection)
    assert "Map the account 1000 Cash." in readiness(connection)
    mapping.confirm(connection)
    assert "Map the account 1000 Cash." not in readiness(connection)
    assert "Choose the ERP's customer for receivable lines." in readiness(connection)
