"""What the tests of the ERP's pages share: a connection with something in every state, and a person of another company."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from billing.models import BusinessEntity, Invoice, Membership, Role, Tenant
from billing.services.tenants import create_tenant
from integrations.consent import consent
from integrations.models import (
    Connection,
    ErpRecord,
    OutboxItem,
    Reconciliation,
    RecordKind,
)
from integrations.vault import Secrets
from tests.integrations.books import Books
from tests.integrations.conftest import box, connect, connection, queue
from tests.integrations.world import JANUARY

__all__ = [
    "box",
    "connect",
    "connection",
    "erp_account",
    "kept",
    "parked",
    "queue",
    "sign_in_there",
    "stranger",
    "unconnected",
    "url",
]


def url(name: str, *args: object) -> str:
    return reverse(f"admin:{name}", args=args)


@pytest.fixture
def stranger(tenant: Tenant) -> Client:
    """An administrator of another company."""
    other = create_tenant(slug="other", name="Other", currency="EUR")
    user = get_user_model().objects.create_user(username="stranger", password="x", is_staff=True)
    Membership.objects.create(tenant=other, user=user, role=Role.ADMIN)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def parked(connection: Connection, queue: Callable[..., OutboxItem], draft: Invoice) -> OutboxItem:
    return queue(
        "invoice",
        draft.pk,
        group=draft.customer_id,
        state="parked",
        reason_code="missing_mapping",
        reason="The product Pro plan is not in the ERP.",
    )


@pytest.fixture
def erp_account(connection: Connection) -> ErpRecord:
    return ErpRecord.objects.create(
        connection=connection, kind=RecordKind.ACCOUNT, external_id="77", name="Checking", type="Bank"
    )


@pytest.fixture
def kept(connection: Connection) -> Reconciliation:
    differences = [
        {"kind": "invoice", "document": "INV-000001", "cause": "parked", "ours": "100.00", "theirs": None, "detail": "Why"},
        {"kind": "journal_entry", "document": "JE-00000001", "cause": "changed in the ERP", "ours": {"77": "1.00"},
         "theirs": {"78": "1.00"}, "erp_id": "9"},
        {"kind": "journal_entry", "document": "5", "cause": "never put in the outbox", "ours": "1.00", "theirs": None},
    ]  # fmt: skip
    accounts = [
        {
            "account": "Checking",
            "erp_id": "77",
            "currency": "USD",
            "ours": "1.00",
            "theirs": "2.00",
            "difference": "1.00",
        }
    ]
    return Reconciliation.objects.create(
        connection=connection,
        through=JANUARY,
        compared=3,
        accounts=accounts,
        differences=differences,
        difference_count=3,
    )


def sign_in_there(address: str) -> str:
    """Agree on the sandbox's sign-in page; give the path that it sends the browser back to."""
    return f"/integrations/callback/?{urlencode(consent(address))}"


@pytest.fixture
def unconnected(entity: BusinessEntity, box: Any) -> Connection:
    oauth = Books(box.url).state()["oauth"]
    return Connection.objects.create(
        business_entity=entity, erp="quickbooks", name="Books", sync_mode="journal_entries", base_url=box.url,
        auth_url=box.url, throttled=False,
        credentials=Secrets(client_id=oauth["client_id"], client_secret=oauth["client_secret"]),
    )  # fmt: skip
