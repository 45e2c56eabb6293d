"""Entries by hand in the admin: the grid, the second person, attachments, reversal."""

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounting.admin.manual_forms import PARTS
from accounting.attachments import detach
from accounting.manual_entries import ManualEntryError, post_scheduled
from accounting.models import Account, Attachment, JournalEntry, ManualEntry


def url(name, *args):
    return reverse(f"admin:{name}", args=args)


@pytest.fixture
def given(entity):
    """The form as a browser sends it: two lines, four empty rows."""
    cash, suspense = Account.objects.get(role="cash"), Account.objects.get(role="suspense")
    sent = {
        "business_entity": entity.pk, "date": "2026-01-31", "description": "Bank fee", "note": "Statement 1",
        "reverse_on": "", "repeat": "0", "repeat_until": "",
    } | {f"line{n}_{part}": "" for n in range(6) for part in PARTS}  # fmt: skip
    return sent | {
        "line0_account": suspense.pk, "line0_debit": "1,012.50", "line1_account": cash.pk, "line1_credit": "1012.50",
    }  # fmt: skip


def test_one_writes_another_approves(finance, accountant, viewer, given):
    assert viewer.get(url("accounting_manualentry_add")).status_code == 403
    page = finance.get(url("accounting_manualentry_add")).content.decode()
    assert "Add a line" in page and "Accounts Receivable" not in page
    unequal = finance.post(url("accounting_manualentry_add"), given | {"line1_credit": "1"}).content.decode()
    assert "1,011.50" in unequal and "more" in unequal
    assert (
        "no account" in finance.post(url("accounting_manualentry_add"), given | {"line0_account": ""}).content.decode()
    )
    nobody = given | {"line0_customer": "C-404"}
    assert "there is no customer" in finance.post(url("accounting_manualentry_add"), nobody).content.decode()
    assert ManualEntry.objects.count() == 0
    finance.post(url("accounting_manualentry_add"), given)
    entry = ManualEntry.objects.get()
    finance.post(url("accounting_manualentry_write", entry.pk), given | {"description": "Bank fee of January"})
    document = SimpleUploadedFile("statement.pdf", b"%PDF-1.7 x")
    finance.post(url("accounting_manualentry_attach", entry.pk), {"document": document})
    assert "Manual entries to approve" not in accountant.get(url("index")).content.decode()
    finance.post(url("accounting_manualentry_submit", entry.pk))
    assert "Manual entries to approve" in accountant.get(url("index")).content.decode()
    assert "statement.pdf" in accountant.get(url("accounting_manualentry_approve", entry.pk)).content.decode()
    assert finance.post(url("accounting_manualentry_approve", entry.pk)).status_code == 403
    assert "Bank fee of January" in accountant.get(url("accounting_manualentry_change", entry.pk)).content.decode()
    accountant.post(url("accounting_manualentry_approve", entry.pk))
    posted = JournalEntry.objects.get()
    assert (posted.kind, posted.description) == ("manual", "Bank fee of January")
    why = accountant.get(url("accounting_journalentry_change", posted.pk)).content.decode()
    assert "approved by accountant-person" in why and "Chosen by whoever wrote the entry" in why
    sent = viewer.get(url("accounting_attachment_download", Attachment.objects.get().pk))
    assert sent.content == b"%PDF-1.7 x" and sent["Content-Disposition"] == 'attachment; filename="statement.pdf"'
    assert "sandbox" in sent["Content-Security-Policy"]


def test_a_wrong_document_is_taken_off_a_draft_and_stays_with_what_was_submitted(finance, given):
    finance.post(url("accounting_manualentry_add"), given)
    entry = ManualEntry.objects.get()
    assert "Remove a document" not in finance.get(url("accounting_manualentry_change", entry.pk)).content.decode()
    for name in ("wrong.pdf", "right.pdf"):
        document = SimpleUploadedFile(name, f"%PDF-1.7 {name}".encode())
        finance.post(url("accounting_manualentry_attach", entry.pk), {"document": document})
    assert "Remove a document" in finance.get(url("accounting_manualentry_change", entry.pk)).content.decode()
    wrong = Attachment.objects.get(name="wrong.pdf")
    finance.post(url("accounting_manualentry_detach", entry.pk), {"document": wrong.pk})
    left = Attachment.objects.get()
    assert left.name == "right.pdf"
    finance.post(url("accounting_manualentry_submit", entry.pk))
    finance.post(url("accounting_manualentry_detach", entry.pk), {"document": left.pk})
    assert Attachment.objects.get() == left
    with pytest.raises(ManualEntryError, match="what was submitted with an entry stays"):
        detach(entry_id=entry.pk, attachment_id=left.pk)


def test_who_wrote_it_does_not_approve_it(accountant, given):
    accountant.post(url("accounting_manualentry_add"), given)
    entry = ManualEntry.objects.get()
    accountant.post(url("accounting_manualentry_submit", entry.pk))
    own = accountant.get(url("accounting_manualentry_change", entry.pk)).content.decode()
    assert "another accountant approves it" in own and "Approve and post" not in own
    refused = accountant.post(url("accounting_manualentry_approve", entry.pk)).content.decode()
    assert "Somebody else must approve it" in refused and JournalEntry.objects.count() == 0


def test_an_accountant_reverses_an_entry(accountant, finance, story):
    paid = JournalEntry.objects.filter(event__kind="payment_received").get()
    page = url("accounting_journalentry_reverse", paid.pk)
    assert finance.get(page).status_code == 403
    assert "void or credit a wrong invoice instead" in accountant.get(page).content.decode()
    accountant.post(page, {"on": "2026-02-06", "reason": "Bounced"})
    assert JournalEntry.objects.get(reverses=paid).date.isoformat() == "2026-02-06"
    assert "Reversed by" in accountant.get(url("accounting_journalentry_change", paid.pk)).content.decode()


def test_another_companys_attachment_is_not_found(finance, stranger):
    assert finance.get(url("accounting_attachment_download", 1)).status_code == 404


def test_a_repeating_entry_says_when_it_comes_again(finance, accountant, given):
    finance.post(url("accounting_manualentry_add"), given | {"repeat": "1", "reverse_on": "2026-02-01"})
    entry = ManualEntry.objects.get()
    page = finance.get(url("accounting_manualentry_change", entry.pk)).content.decode()
    assert "Reverses by itself" in page and "next on" not in page
    finance.post(url("accounting_manualentry_submit", entry.pk))
    accountant.post(url("accounting_manualentry_approve", entry.pk))
    post_scheduled(business_entity_id=entry.business_entity_id, through=date(2026, 2, 1))
    page = finance.get(url("accounting_manualentry_change", entry.pk)).content.decode().replace("\xa0", " ")
    assert "Every month; next on 28 Feb 2026" in page and "Reversed by" in page


def test_what_is_due_is_posted_without_waiting_for_the_clock(finance, accountant, given):
    finance.post(url("accounting_manualentry_add"), given | {"reverse_on": "2026-02-01"})
    entry = ManualEntry.objects.get()
    finance.post(url("accounting_manualentry_submit", entry.pk))
    accountant.post(url("accounting_manualentry_approve", entry.pk))
    assert finance.get(url("post_scheduled")).status_code == 403
    assert "Post what is due" in accountant.get(url("accounting_manualentry_changelist")).content.decode()
    ahead = accountant.post(url("post_scheduled"), {"through": "2199-01-01"}).content.decode()
    assert "Nothing is posted ahead of this month" in ahead and JournalEntry.objects.count() == 1
    done = accountant.post(url("post_scheduled"), {"through": "2026-02-01"}, follow=True).content.decode()
    assert "0 repetitions and 1 reversal posted." in done
    assert [f"{each:%m-%d}" for each in JournalEntry.objects.order_by("pk").values_list("date", flat=True)] == [
        "01-31", "02-01",
    ]  # fmt: skip
    again = accountant.post(url("post_scheduled"), {"through": "2026-02-01"}, follow=True).content.decode()
    assert "0 repetitions and 0 reversals posted." in again
