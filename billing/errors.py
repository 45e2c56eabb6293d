"""What can go wrong in words for a finance person. Nothing was changed when one of these is raised."""


class BillingError(ValueError):
    """A request cannot be carried out; the text says what to do. `code` is stable, for programs."""

    code = "invalid"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code:
            self.code = code


class WrongState(BillingError):
    """The document is not in a state that allows this."""

    code = "wrong_state"


class NotFound(BillingError):
    """There is no such document in this company."""

    code = "not_found"
