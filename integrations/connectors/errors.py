"""What may keep a document from being delivered. Connectors raise these and nothing else; `outcomes` decides what follows."""


class DeliveryError(Exception):
    """Something was not delivered. `words` are for a finance person: what is wrong and what to do."""

    code = "error"

    def __init__(self, words: str) -> None:
        words = words.replace(".. ", ". ")  # A vendor's sentence within ours has its own full stop.
        super().__init__(words)
        self.words = words


class TryLater(DeliveryError):
    """Certainly not done; the ERP asks to come back after `after` seconds.

    `whole_connection`: the answer speaks of the connection and not of this document (a rate limit, a day's quota, an
    organisation that is offline); until then nothing at all is sent on it, however long that is.
    """

    code = "try_later"

    def __init__(self, words: str, *, after: float, whole_connection: bool = False) -> None:
        super().__init__(words)
        self.after = after
        self.whole_connection = whole_connection


class Rejected(DeliveryError):
    """Certainly not done, and trying again as it is will not help."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class NameTaken(Rejected):
    """The name is another record's in the ERP; a distinct name may be tried at once."""


class PeriodLocked(Rejected):
    """The ERP's books are closed or locked for the document's date; the connection's policy decides."""

    def __init__(self, words: str) -> None:
        super().__init__("books_closed", words)


class BadCredentials(DeliveryError):
    """The ERP no longer accepts this connection; a person has to connect again."""

    code = "bad_credentials"


class MissingMapping(DeliveryError):
    """One of our records has no counterpart in the ERP yet, or the one it had is gone or inactive there."""

    code = "missing_mapping"

    def __init__(self, kind: str, internal_id: int | None, words: str) -> None:
        super().__init__(words)
        self.kind = kind
        self.internal_id = internal_id


class UnknownOutcome(DeliveryError):
    """Nobody knows whether it was done: time-out, dropped connection, server error. Read back before sending again.

    `fresh_key`: never use the same idempotency key again (a vendor that caches its own errors under the key).
    `settle`: seconds to wait before reading back, where the vendor may still be working on it.
    """

    code = "unknown_outcome"

    def __init__(self, words: str, *, fresh_key: bool = False, settle: float = 0.0) -> None:
        super().__init__(words)
        self.fresh_key = fresh_key
        self.settle = settle


class InProgress(DeliveryError):
    """The ERP took it and works on it by itself; `find` is asked again after `after` seconds, with `ticket` in the parcel.

    For vendors with asynchronous jobs: the ticket is the job's address. It costs the item no attempt.
    """

    code = "in_progress"

    def __init__(self, words: str, *, after: float, ticket: str) -> None:
        super().__init__(words)
        self.after = after
        self.ticket = ticket
