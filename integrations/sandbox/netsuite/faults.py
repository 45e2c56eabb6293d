"""The vendor's error answers: one body for all, the code and the words in `o:errorDetails`."""

from integrations.sandbox.messages import Json

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_SECTIONS = {400: 1, 401: 2, 403: 4, 404: 5, 405: 6, 415: 16, 429: 1, 500: 1, 503: 4}
INVALID_CONTENT, USER_ERROR = "INVALID_CONTENT", "USER_ERROR"


class VendorFault(Exception):
    """An answer of the vendor's that refuses the request."""

    def __init__(
        self, code: str, detail: str, path: str = "", *, status: int = 400, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(f"{code} {detail}")
        self.code, self.detail, self.path, self.status, self.headers = code, detail, path, status, headers

    def body(self) -> Json:
        """Give the answer's body."""
        detail: Json = {"detail": self.detail}
        if self.path:
            detail["o:errorPath"] = self.path
        section = f"10.{self.status // 100}.{_SECTIONS.get(self.status, 1)}"
        return {
            "type": f"https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec{section}",
            "title": "Conflict" if self.code == "IDEMPOTENCY_ERROR" else _TITLES.get(self.status, "Error"),
            "status": self.status,
            "o:errorDetails": [detail | {"o:errorCode": self.code}],
        }


def content(detail: str, path: str = "") -> VendorFault:
    """Refuse what the request holds."""
    return VendorFault(INVALID_CONTENT, f"Error while accessing a resource. {detail}", path)


def bad_value(path: str) -> VendorFault:
    """Refuse a value of the wrong kind."""
    name = path.rpartition(".")[2]
    return content(f"Invalid value for the resource or sub-resource field '{name}'. Provide a valid value.", path)


def user_error(detail: str, path: str = "") -> VendorFault:
    """Refuse by a rule of the books."""
    return VendorFault(USER_ERROR, f"Error while accessing a resource. {detail}", path)


def missing(name: str) -> VendorFault:
    """Ask for a field."""
    return user_error(f"Please enter value(s) for: {name}.", name)


def bad_reference(path: str, value: str) -> VendorFault:
    """Refuse a reference to nothing, or to what may not be used there."""
    name = path.rpartition(".")[2]
    return content(f"You have entered an Invalid Field Value {value} for the following field: {name}.", path)


def not_found() -> VendorFault:
    """Say that there is no such record."""
    return VendorFault(
        "NONEXISTENT_ID", "The record instance does not exist. Provide a valid record instance ID.", status=404
    )
