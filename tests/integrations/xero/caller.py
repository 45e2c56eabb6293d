"""A caller of the Xero sandbox who knows nothing of our connector."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

APP, CUSTOM = ("sandbox-client", "sandbox-secret"), ("sandbox-custom", "sandbox-custom-secret")
CALLBACK = "http://localhost/callback"
VERIFIER = "v" * 43
SCOPE = (
    "offline_access accounting.settings accounting.contacts accounting.invoices accounting.payments "
    "accounting.banktransactions accounting.manualjournals"
)


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class Caller:
    """Speaks to the sandbox as an application would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.tenant = self.state()["realm_id"]
        self.tokens = self.sign_in()

    def asked(self, **changes: str) -> dict[str, str]:
        asked = {"client_id": APP[0], "redirect_uri": CALLBACK, "response_type": "code", "scope": SCOPE, "state": "x&y"}
        return {name: value for name, value in (asked | changes).items() if value}

    def code(self, **changes: str) -> str:
        answer = self.http.post(
            f"{self.url}/identity/connect/authorize", data=self.asked(**changes), allow_redirects=False
        )
        assert answer.status_code == 302, answer.text
        back = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert back["state"] == ["x&y"]
        return back["code"][0]

    def token(self, app: tuple[str, str] | None = APP, **form: str) -> requests.Response:
        return self.http.post(f"{self.url}/connect/token", data=form, auth=app)

    def sign_in(self, **changes: str) -> dict[str, Any]:
        answer = self.token(grant_type="authorization_code", code=self.code(**changes), redirect_uri=CALLBACK)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def call(
        self, method: str, path: str, body: Any = None, *, headers: Any = None, **params: str
    ) -> requests.Response:
        known = {
            "Authorization": f"Bearer {self.tokens['access_token']}",
            "Accept": "application/json",
            "xero-tenant-id": self.tenant,
        }
        return self.http.request(
            method,
            f"{self.url}/api.xro/2.0/{path}",
            params=params,
            json=body,
            headers={name: value for name, value in {**known, **(headers or {})}.items() if value is not None},
            timeout=10,
        )

    def get(self, path: str, **params: str) -> list[dict[str, Any]]:
        answer = self.call("GET", path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()["Organisations" if path == "Organisation" else path.split("/")[0]]

    def put(self, path: str, *rows: Any, headers: Any = None, **params: str) -> requests.Response:
        return self.call("PUT", path, {path: list(rows)}, headers=headers, **params)

    def made(self, path: str, **fields: Any) -> dict[str, Any]:
        answer = self.put(path, fields)
        assert answer.status_code == 200, answer.text
        return answer.json()[path][0]

    def refused(self, path: str, **fields: Any) -> str:
        """Send what must be refused; give the vendor's words."""
        answer = self.put(path, fields)
        assert answer.status_code == 400, answer.text
        body = answer.json()
        assert body["ErrorNumber"] == 10
        return "; ".join(each["Message"] for each in body["Elements"][0]["ValidationErrors"])

    def control(self, action: str, body: Any = None) -> dict[str, Any]:
        answer = self.http.post(f"{self.url}/_sandbox/{action}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(self, query: str = "") -> dict[str, Any]:
        return self.http.get(f"{self.url}/_sandbox/state{query}").json()

    def journal(
        self, amount: float = 100.5, *, debit: str = "835", credit: str = "210", **fields: Any
    ) -> dict[str, Any]:
        lines = [{"LineAmount": amount, "AccountCode": debit}, {"LineAmount": -amount, "AccountCode": credit}]
        return {"Narration": "Release", "Date": "2026-10-31", "Status": "POSTED", "JournalLines": lines} | fields

    def contact(self, name: str = "Globex") -> dict[str, str]:
        return {"ContactID": self.made("Contacts", Name=name)["ContactID"]}

    def sale(self, contact: dict[str, str], amount: float = 110, **fields: Any) -> dict[str, Any]:
        line = {"Description": "Plan", "Quantity": 1, "UnitAmount": amount, "AccountCode": "210", "TaxType": "NONE"}
        return {
            "Type": "ACCREC",
            "Contact": contact,
            "Date": "2026-10-01",
            "DueDate": "2026-10-31",
            "Status": "AUTHORISED",
            "LineItems": [line],
        } | fields

    def credit(self, contact: dict[str, str], amount: float = 30, **fields: Any) -> dict[str, Any]:
        sale = self.sale(contact, amount, Type="ACCRECCREDIT")
        del sale["DueDate"]
        return sale | fields
