"""Idempotency: the same requestid again gives the first answer, and nothing is done twice."""

import hashlib
import re
from collections.abc import Callable

from integrations.sandbox.jsontext import Rendered
from integrations.sandbox.quickbooks.faults import VendorFault

LONGEST, LONGEST_WITH_BATCH, LONGEST_BATCH_ITEM = 50, 36, 10
_FORM = re.compile(r"[\x21-\x7e]+")
Answer = tuple[int, Rendered]


class RequestIds:
    """Answers by request id; they are kept until forgotten, for the vendor documents no end."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[bytes, Answer]] = {}

    def once(self, key: str, content: bytes, work: Callable[[], Answer]) -> Answer:
        """Do the work, or give the answer it had. Raises VendorFault 600 for the same id with other content."""
        digest = hashlib.blake2b(content, digest_size=16).digest()
        known = self._answers.get(key)
        if known is None:
            known = self._answers[key] = (digest, work())
        if known[0] != digest:
            raise VendorFault("600", f"Duplicate Request ID : {key.partition(' ')[0]} was used for another request")
        return known[1]

    def forget(self) -> int:
        """Forget all; give how many there were."""
        count = len(self._answers)
        self._answers.clear()
        return count


def check_form(requestid: str, *, longest: int = LONGEST) -> None:
    """Refuse an id that is empty, too long or has spaces. Raises VendorFault 2130."""
    if len(requestid) > longest or not _FORM.fullmatch(requestid):
        raise VendorFault("2130", f"The request id must have 1 to {longest} characters and no spaces", "requestid")
