"""Documents that prove a manual entry: kept in the database, so that the tenant's wall and the backup hold them too."""

import hashlib
from pathlib import PurePath
from typing import Any

from django.db import transaction

from accounting.manual_entries import ManualEntryError
from accounting.models import Attachment, ManualEntry, ManualEntryStatus

LARGEST = 10 * 1024 * 1024
MOST = 20
# What the file begins with decides, not what its name or its sender says. Shown by a browser, none of them runs anything.
_KINDS: dict[str, tuple[str, tuple[bytes, ...]]] = {
    ".pdf": ("application/pdf", (b"%PDF-",)),
    ".png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    ".jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    ".jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
    ".xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", (b"PK\x03\x04",)),
    ".docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", (b"PK\x03\x04",)),
    ".csv": ("text/csv", ()),
    ".txt": ("text/plain", ()),
}


@transaction.atomic
def attach(*, entry_id: int, name: str, content: bytes, by: Any) -> Attachment:
    """Add a document to a manual entry, whatever its status; it stays. Raises ManualEntryError."""
    entry = ManualEntry.objects.select_for_update(no_key=True).filter(pk=entry_id).first()
    if entry is None:
        raise ManualEntryError("There is no such manual entry.")
    # Only the last part of a name; no control characters, which would end up in a header.
    name = "".join(each for each in PurePath(name.replace("\\", "/")).name if each.isprintable())[-150:]
    suffix = PurePath(name).suffix.lower()
    if suffix not in _KINDS:
        raise ManualEntryError(f"“{name}” cannot be attached. Attach one of: {', '.join(sorted(_KINDS))}.")
    content_type, beginnings = _KINDS[suffix]
    if not content or len(content) > LARGEST:
        raise ManualEntryError(f"“{name}” is empty or larger than {LARGEST // 1024 // 1024} MB.")
    if (beginnings and not content.startswith(beginnings)) or (not beginnings and b"\x00" in content):
        raise ManualEntryError(f"“{name}” does not hold what its name says.")
    digest = hashlib.sha256(content).hexdigest()
    if entry.attachments.filter(sha256=digest).exists():
        raise ManualEntryError(f"“{name}” is attached already.")
    if entry.attachments.count() >= MOST:
        raise ManualEntryError(f"An entry has {MOST} attachments at most.")
    return Attachment.objects.create(
        entry=entry,
        name=name,
        content_type=content_type,
        size=len(content),
        sha256=digest,
        content=content,
        uploaded_by_id=by.pk,
    )


@transaction.atomic
def detach(*, entry_id: int, attachment_id: int) -> str:
    """Take a document off a draft again and give its name; what was submitted with an entry stays. Raises ManualEntryError."""
    entry = ManualEntry.objects.select_for_update(no_key=True).filter(pk=entry_id).first()
    if entry is None or entry.status != ManualEntryStatus.DRAFT:
        raise ManualEntryError(
            "Only a draft's documents can be removed: what was submitted with an entry stays with it."
        )
    found = entry.attachments.filter(pk=attachment_id).first()
    if found is None:
        raise ManualEntryError("This document is not attached to the entry.")
    found.delete()
    return str(found.name)
