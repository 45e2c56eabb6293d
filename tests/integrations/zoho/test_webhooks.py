"""Zoho's notices: the signature over the raw body, and which document they speak of."""

import base64
import hashlib
import hmac
import json
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from integrations.connectors.zoho.webhooks import read, verify
from integrations.models import Connection

KEY = "a1b2c3d4e5f6g7"
INVOICE = {"invoice": {"invoice_id": "4600000000123", "customer_id": "46001", "total": 12.5}}


def digest(text: bytes) -> bytes:
    return hmac.new(KEY.encode(), text, hashlib.sha256).digest()


def test_only_what_was_signed_is_believed() -> None:
    raw = json.dumps(INVOICE).encode()
    for given in (digest(raw).hex(), digest(raw).hex().upper(), base64.b64encode(digest(raw)).decode()):
        assert verify(raw, {"x-zoho-webhook-signature": given}, KEY)
    given = {"x-zoho-webhook-signature": digest(raw).hex()}
    assert not verify(raw + b" ", given, KEY)
    assert not verify(raw, given, "another")
    assert not verify(raw, given, "")
    assert not verify(raw, {}, KEY)
    empty = {"x-zoho-webhook-signature": hmac.new(b"", raw, hashlib.sha256).hexdigest()}
    assert not verify(raw, empty, "")


def test_a_form_is_signed_over_its_sorted_pairs() -> None:
    """The vendor's own example: pairs sorted by name, name and value put together without anything between."""
    raw = urlencode({"subscription_id": "90343", "name": "basic plan"}).encode()
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        "x-zoho-webhook-signature": digest(b"namebasic plansubscription_id90343").hex(),
    }
    assert verify(raw, headers, KEY)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (INVOICE, ("invoice", "4600000000123")),
        ({"payment": {"payment_id": 46007, "invoices": [{"invoice_id": "1"}]}}, ("payment", "46007")),
        ({"creditnote_id": "8", "invoice_id": "9"}, ("credit_note", "8")),
        ({"journal": {"journal_id": "5"}}, ("journal_entry", "5")),
        ({"contact": {"contact_id": "3"}}, ("customer", "3")),
    ],
)
def test_it_says_which_document_is_meant(body, told) -> None:
    for raw in (json.dumps(body).encode(), urlencode({"JSONString": json.dumps(body)}).encode()):
        ((realm, change),) = read(raw).changes
        assert (realm, change.kind, change.external_id) == ("", *told)


def test_what_means_nothing_to_us_is_passed_over() -> None:
    assert read(b'{"bill": {"bill_id": "7"}}').changes == []
    for raw in (b"[]", b"<xml/>", b'"text"'):
        with pytest.raises(ValueError, match=r"JSON|Expecting"):
            read(raw)


@pytest.mark.django_db
def test_the_address_names_the_organisation(connection, handed) -> None:
    Connection.objects.update(erp="zoho", realm_id="10234695")
    connection.refresh_from_db()
    connection.credentials["webhook_key"] = KEY
    connection.save()
    raw = json.dumps(INVOICE).encode()
    url = reverse("erp_webhook", args=[connection.tenant_id, connection.pk])

    def call(signature: str) -> int:
        headers = {"X-Zoho-Webhook-Signature": signature}
        return Client().post(url, raw, content_type="application/json", headers=headers).status_code

    assert (call("0" * 64), handed) == (401, [])
    assert call(digest(raw).hex()) == 200
    assert [each[1:] for each in handed] == [
        (connection.tenant_id, connection.pk, [("invoice", "4600000000123", "changed")])
    ]
