"""Of a request for many items, the page of one shows its own part."""

import pytest

from integrations.admin.excerpts import parts_of

SENT = (
    '{"BatchItemRequest": [{"bId": "1", "JournalEntry": {"DocNumber": "AB-J1", "Line": [{"Amount": 2079.00}, {"Amount": 1}]}}, '
    '{"bId": "2", "JournalEntry": {"DocNumber": "AB-J2", "Line": [{"Amount": 5.10}, {"Amount": 1}]}}]}'
)


def test_what_was_sent_for_one_keeps_its_digits() -> None:
    longer = SENT.replace("AB-J2", "AB-J12")
    assert "AB-J12" not in parts_of(f'{{"Both": [{longer}, {SENT}]}}', "{}", "AB-J2")[0]
    ours, _ = parts_of(SENT, "{}", "AB-J1")
    assert '"Amount":2079.00' in ours and "AB-J2" not in ours


def test_the_answer_is_found_by_reference_number_or_place() -> None:
    by_reference = (
        '{"BatchItemResponse": [{"JournalEntry": {"DocNumber": "AB-J2", "Id": "7"}}, {"Fault": {}, "bId": "1"}]}'
    )
    assert '"Id":"7"' in parts_of(SENT, by_reference, "AB-J2")[1]
    by_number = (
        '{"BatchItemResponse": [{"bId": "2", "Fault": {"code": "6140"}}, {"bId": "1", "Fault": {"code": "610"}}]}'
    )
    assert "610" in parts_of(SENT, by_number, "AB-J1")[1]
    assert "6140" not in parts_of(SENT, by_number, "AB-J1")[1]
    journals = '{"ManualJournals": [{"Narration": "a [cf:AB-J1]"}, {"Narration": "b [cf:AB-J2]"}]}'
    by_place = '{"ManualJournals": [{"HasErrors": false}, {"ValidationErrors": [{"Message": "locked"}]}]}'
    assert "locked" in parts_of(journals, by_place, "AB-J2")[1]


@pytest.mark.parametrize("text", ["", "no JSON", SENT[:-9], '{"one": {"DocNumber": "AB-J1"}}'])
def test_what_cannot_be_told_apart_is_shown_whole(text: str) -> None:
    assert parts_of(text, "answer", "AB-J1") == (text, "answer")
