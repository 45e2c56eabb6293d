"""The vendor's refusals: a status, a code and a message, and no more than that."""

from integrations.sandbox.messages import Json, Response

INTERNAL, GONE, NOT_AUTHORISED, INVALID, TOO_LONG, NOT_JSON = 1000, 1002, 57, 2, 15, 1038
MISSING, UNKNOWN_NAME, DUPLICATE, DUPLICATE_NAME, LOCKED, RULE = 5, 4, 1001, 3062, 3011, 1008
PER_MINUTE, PER_DAY, PARALLEL = 44, 45, 1070


class ZohoError(Exception):
    """An answer of the vendor's that refuses the request."""

    def __init__(self, code: int, message: str, *, status: int = 400) -> None:
        super().__init__(f"{status} {code} {message}")
        self.code, self.message, self.status = code, message, status

    def body(self) -> Json:
        """Give the answer's body."""
        return {"code": self.code, "message": self.message}

    def answer(self) -> Response:
        """Give the whole answer."""
        return Response.json(self.body(), self.status)


def invalid(name: str) -> ZohoError:
    """Refuse a value."""
    return ZohoError(INVALID, f"Invalid value passed for {name}")


def missing(name: str) -> ZohoError:
    """Ask for a value."""
    return ZohoError(MISSING, f"{name} is mandatory. Please enter a value for it.")


def too_long(name: str, longest: int) -> ZohoError:
    """Refuse a text."""
    return ZohoError(TOO_LONG, f"Please ensure that the {name} has less than {longest} characters.")


def gone(what: str) -> ZohoError:
    """Say that there is no such record."""
    return ZohoError(GONE, f"{what} does not exist.", status=404)


def taken(what: str, value: str) -> ZohoError:
    """Say that another record has the number or name."""
    return ZohoError(DUPLICATE, f"The {what} '{value}' already exists. Please specify a different one.")


def rule(words: str) -> ZohoError:
    """Refuse by a rule of the books."""
    return ZohoError(RULE, words)


def unauthorised() -> ZohoError:
    """Refuse a caller."""
    return ZohoError(NOT_AUTHORISED, "You are not authorized to perform this operation", status=401)
