"""What a person decides about a document that the ERP has, or has no more."""

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model

from billing.models import Invoice
from billing.services.invoices import void_invoice
from integrations import adopting
from integrations.adopting import CannotDecide
from integrations.delivery import drain
from integrations.models import ExternalReference, OutboxItem
from integrations.reconciliation import reconcile, sign_off, signed_off_through
from tests.integrations.books import Books
from tests.integrations.world import JANUARY, a_month

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_deleted_there_is_found_out_and_sent_anew(connect, box) -> None:
    connection = connect(mode="documents")
    a_month(customers=2)
    drain(connection.pk, until_empty=True)
    books = Books(box.url)
    gone = ExternalReference.objects.filter(kind="invoice").order_by("id")[0]
    item = OutboxItem.objects.get(kind="invoice", subject_id=gone.subject_id)
    with pytest.raises(CannotDecide, match="still has it"):
        adopting.send_anew(item)
    books.delete("Invoice", gone.external_id)
    kept, findings = reconcile(connection, through=JANUARY)
    first = findings.differences[0]
    assert (first["kind"], first["cause"]) == ("invoice", "deleted in the ERP")
    assert [row["difference"] for row in findings.customers] == [
        "-" + str(Invoice.objects.get(pk=gone.subject_id).total.amount.quantize(Decimal("0.01")))
    ]

    user = get_user_model().objects.create_user(username="ann", password="x")
    with pytest.raises(ValueError, match="Say why"):
        sign_off(kept, user=user, note=" ")
    adopting.send_anew(item)
    assert drain(connection.pk, until_empty=True).parked == 0
    kept, findings = reconcile(connection, through=JANUARY)
    assert findings.differences == []
    sign_off(kept, user=user, note="")
    assert signed_off_through([connection]) == {connection.pk: JANUARY}
    with pytest.raises(ValueError, match="already"):
        sign_off(kept, user=user, note="")


def test_what_is_void_here_is_not_made_again_there(connect, box) -> None:
    connection = connect(mode="documents")
    a_month(customers=2)
    void_invoice(invoice_id=Invoice.objects.order_by("id")[0].pk, on=JANUARY, reason="Wrong")
    drain(connection.pk, until_empty=True)
    item = OutboxItem.objects.filter(kind="invoice").order_by("subject_id")[0]
    before = Books(box.url).objects("Invoice")
    assert [each["TotalAmt"] for each in before] == [0, Decimal("11.01")]
    for verb in (adopting.correct, adopting.send_anew):
        with pytest.raises(CannotDecide, match="is void here"):
            verb(item)
    assert drain(connection.pk, until_empty=True).calls == 0
    assert Books(box.url).objects("Invoice") == before


def test_one_entered_by_hand_is_adopted_only_with_our_total(connect, box) -> None:
    connection = connect(mode="documents")
    a_month(customers=2)
    drain(connection.pk, until_empty=True)
    first, second = OutboxItem.objects.filter(kind="invoice").order_by("id")
    ids = dict(ExternalReference.objects.filter(kind="invoice").values_list("subject_id", "external_id"))
    OutboxItem.objects.filter(pk=second.pk).update(state="parked", reason_code="duplicate_number")
    second.refresh_from_db()
    with pytest.raises(CannotDecide, match="no such document"):
        adopting.adopt(second, external_id="99999")
    with pytest.raises(CannotDecide, match="no id of a document"):
        adopting.adopt(second, external_id="../journalentry/1?")
    with pytest.raises(CannotDecide, match="ours of"):
        adopting.adopt(second, external_id=ids[first.subject_id])
    ExternalReference.objects.filter(kind="invoice", subject_id=second.subject_id).delete()
    adopting.adopt(second, external_id=ids[second.subject_id])
    second.refresh_from_db()
    assert second.state == "delivered"
    _, findings = reconcile(connection, through=JANUARY)
    assert findings.differences == []
