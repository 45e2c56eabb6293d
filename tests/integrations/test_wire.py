"""What is not as the vendors publish it is refused by the check that hangs on the connectors."""

import copy
import json
from typing import Any

import pytest
import requests

from tests.integrations import wire

CODE = {"authorization": "Bearer t", "accept": "application/json", "content-type": "application/json"}
STRICT = {**CODE, "x-netsuite-propertynamevalidation": "Error", "x-netsuite-propertyvaluevalidation": "Error"}
GOOD: dict[str, tuple[str, dict[str, str], Any]] = {
    "quickbooks": (
        "/v3/company/1/journalentry?minorversion=75&requestid=r-1",
        CODE,
        {
            "DocNumber": "RR-2026-10-0001",
            "TxnDate": "2026-10-31",
            "Line": [
                {
                    "Amount": 1250.5,
                    "DetailType": "JournalEntryLineDetail",
                    "JournalEntryLineDetail": {"PostingType": "Debit", "AccountRef": {"value": "91"}},
                }
            ],
        },
    ),
    "netsuite": (
        "/services/rest/record/v1/journalEntry",
        STRICT,
        {
            "externalId": "acct-je-000123",
            "tranDate": "2026-11-30",
            "currency": {"id": "1"},
            "approvalStatus": {"id": "2"},
            "line": {"items": [{"account": {"id": "1201"}, "debit": 120, "memo": "Release"}]},
        },
    ),
    "zoho": (
        "/books/v3/journals?organization_id=10234695",
        {**CODE, "authorization": "Zoho-oauthtoken t"},
        {
            "journal_date": "2026-11-30",
            "reference_number": "acct-je-000123",
            "line_items": [{"account_id": "460000000000361", "debit_or_credit": "debit", "amount": 120}],
        },
    ),
}
# Where, what is put there (None: taken away), and what is said of it.
BAD = [
    ("quickbooks", "Line.0.JournalEntryLineDetail.PostingType", "debit", "PostingType is 'debit'"),
    ("quickbooks", "Line.0.Amount", -1, "Amount is below zero"),
    ("quickbooks", "Line.0.Amount", "1.00", "Amount is no number"),
    ("quickbooks", "Line.0.Amount", 1.125, "Amount has more than 2 decimals"),
    ("quickbooks", "Line.0.Amount", 10_000_000_000, "Amount has more than 10 digits before the point"),
    ("quickbooks", "Line.0.LineNum", 0, "LineNum is unknown"),
    ("quickbooks", "Line.0.DetailType", None, "DetailType is missing"),
    ("quickbooks", "DocNumber", "1" * 22, "DocNumber is"),
    ("quickbooks", "PrivateNote", "\N{GRINNING FACE}" * 2001, "PrivateNote has 4002 characters of 4000"),
    ("quickbooks", "TxnDate", "", "TxnDate is"),
    ("quickbooks", "?requestid", "1" * 51, "the parameter requestid is"),
    ("quickbooks", "?requestid", None, "the parameter requestid is missing"),
    ("quickbooks", "?include", "allowduplicatedocnum", "the parameter include is unknown"),
    ("netsuite", "line.items.0.credit", "120", "credit is no number"),
    ("netsuite", "trandate", "2026-11-30", "trandate is unknown"),
    ("netsuite", "line", [], "line is no sublist"),
    ("netsuite", "approvalStatus.id", "4", "id is '4'"),
    ("netsuite", "externalId", "a|b", "externalId is 'a|b'"),
    ("netsuite", "currency", "1", "currency is no object"),
    ("netsuite", "#x-netsuite-propertynamevalidation", "Warning", "the header x-netsuite-propertynamevalidation is"),
    (
        "netsuite",
        "#x-netsuite-propertyvaluevalidation",
        None,
        "the header x-netsuite-propertyvaluevalidation is missing",
    ),
    ("zoho", "line_items.0.account_id", 460000000000361, "account_id is 460000000000361"),
    ("zoho", "line_items.0.debit_or_credit", "Debit", "debit_or_credit is 'Debit'"),
    ("zoho", "line_items", [], "line_items is empty"),
    ("zoho", "journal_date", "30/11/2026", "journal_date is"),
    ("zoho", "?organization_id", None, "the parameter organization_id is missing"),
    ("zoho", "#authorization", "Bearer t", "the header authorization is"),
    ("zoho", "#x-upsert", "true", "the header x-upsert is unknown"),
]


@pytest.mark.parametrize(("vendor", "where", "what", "said"), BAD)
def test_what_is_not_as_published_is_refused(vendor: str, where: str, what: Any, said: str) -> None:
    address, headers, body = copy.deepcopy(GOOD[vendor])
    assert wire.contract(vendor).check(_prepared(address, headers, body))
    address, query = address.split("?") if "?" in address else (address, "")
    params = dict(pair.split("=") for pair in query.split("&") if pair)
    if where[0] in "?#":
        _put(params if where[0] == "?" else headers, where[1:], what)
    else:
        _put(body, where, what)
    broken = _prepared(f"{address}?{'&'.join(f'{name}={value}' for name, value in params.items())}", headers, body)
    with pytest.raises(AssertionError) as told:
        wire.contract(vendor).check(broken)
    assert said in str(told.value)


def _prepared(address: str, headers: dict[str, str], body: Any) -> requests.PreparedRequest:
    return requests.Request("POST", f"http://erp.test{address}", headers, data=json.dumps(body)).prepare()


def _put(place: Any, path: str, what: Any) -> None:
    *steps, last = path.split(".")
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    if what is None:
        del place[last]
    else:
        place[last] = what
