"""Workers killed without warning while the ERP fails in every way it knows: a small run of benchmarks.erp.chaos."""

import pytest

from benchmarks.erp import chaos
from benchmarks.erp.company import do_business
from benchmarks.erp.sandbox import Sandbox
from integrations import setup
from integrations.models import OutboxItem
from integrations.sandbox.server import start_in_thread


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("erp", "mode"),
    [
        ("quickbooks", "journal_entries"),
        ("quickbooks", "documents"),
        ("xero", "journal_entries"),
        ("xero", "documents"),
        ("netsuite", "journal_entries"),
        ("netsuite", "documents"),
        ("zoho", "journal_entries"),
        ("zoho", "documents"),
    ],
)
def test_killed_workers_lose_and_double_nothing(entity, erp, mode) -> None:
    with start_in_thread(erp) as box:
        made, _ = setup.create_connection(business_entity=entity, erp=erp, mode=mode, send_payments=mode == "documents")
        made.options = chaos.QUICK | {"backoff_cap": 0.2, "settle_seconds": 0.1, "read_timeout": 0.5}
        connection = setup.connect_sandbox(made, box.url)
        documents = do_business(connection, documents=20 if erp == "zoho" else 40)  # It takes them one by one.
        # One call takes fifty journals at Xero: few calls, of which more must fail to see any that does.
        rate = 0.4 if (erp, mode) == ("xero", "journal_entries") else 0.2
        verdict = chaos.run(connection, Sandbox(box.url), seed=7, every=0.3, most_seconds=400, rate=rate)
    assert (verdict.ok, verdict.parked) == (True, []), str(verdict)
    assert verdict.documents == documents == OutboxItem.objects.exclude(kind__in=("customer", "product")).count()
    assert verdict.kills and verdict.faults
