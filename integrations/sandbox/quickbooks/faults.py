"""The vendor's faults: codes, messages and the bodies they come in."""

from typing import Any

from integrations.sandbox.messages import Json

_MESSAGES = {
    "600": "Duplicate Request ID",
    "610": "Object Not Found",
    "1040": "Batch item count exceeds the limit",
    "2010": "Request has invalid or unsupported property",
    "2020": "Required param missing, need to supply the required value for the API",
    "2050": "String length specified does not match the supported length",
    "2060": "Invalid Date",
    "2130": "Invalid Request ID",
    "2250": "Journal entry lines missing",
    "2260": "Posting type missing or invalid",
    "2290": "Invalid amount",
    "2300": "Transaction is not balanced",
    "2500": "Invalid Reference Id",
    "4000": "Error parsing query",
    "4001": "Invalid query",
    "5010": "Stale Object Error",
    "6000": "A business validation error has occurred while processing your request",
    "6070": "Amount calculation incorrect in the request",
    "6100": "Invalid Tax Code",
    "6140": "Duplicate Document Number Error",
    "6160": "Invalid Tax Detail",
    "6170": "Invalid Tax Rate",
    "6200": "Account Period Closed, Cannot Update Through Services API",
    "6240": "Duplicate Name Exists Error",
    "10100": "Query resulted in too many objects",
    "10000": "An application error has occurred while processing your request",
}


class VendorFault(Exception):
    """An answer of the vendor's that refuses the request."""

    def __init__(self, code: str, detail: str, element: str = "", *, status: int = 400) -> None:
        super().__init__(f"{code} {detail}")
        self.code, self.detail, self.element, self.status = code, detail, element, status

    def body(self) -> Json:
        """Give the Fault object."""
        kind = "SystemFault" if self.status >= 500 else "ValidationFault"
        error = {
            "Message": _MESSAGES[self.code],
            "Detail": self.detail,
            "code": self.code,
            "element": self.element,
        }
        return {"Error": [error], "type": kind}


def unsupported(name: str) -> VendorFault:
    """Refuse a property."""
    return VendorFault("2010", f"Property Name:{name} specified is unsupported or invalid", name)


def missing(name: str) -> VendorFault:
    """Ask for a property."""
    return VendorFault("2020", f"Required parameter {name} is missing in the request", name)


def business(words: str) -> VendorFault:
    """Refuse by a rule of the books."""
    return VendorFault("6000", f"Business Validation Error: {words}")


def inactive() -> VendorFault:
    """Refuse what is inactive or gone; the vendor does not say which object it means."""
    return VendorFault(
        "610",
        "Object Not Found : Something you're trying to use has been made inactive. "
        "Check the fields with accounts, customers, items, vendors or employees.",
    )


def gateway_fault(message: str, code: int, status: int, kind: str) -> Json:
    """Give a fault of the vendor's gateway: in lower case, with everything in the message."""
    words = f"message={message}; errorCode={code:06d}; statusCode={status}"
    errors: list[dict[str, Any]] = [{"message": words, "detail": "", "code": str(code), "element": None}]
    return {"warnings": None, "fault": {"error": errors, "type": kind}, "responseType": None, "requestId": None}
