"""A company driven through the REST API alone, as its own systems would: what it sells, bills and earns; its journal as text."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from billing.services import jobs
from tests.api.caller import Caller

_REPORTS = {
    "trial-balance": ("at",),
    "balance-sheet": ("at",),
    "ar-ageing": ("at",),
    "remaining-obligation": ("at",),
    "deferred-revenue": ("from", "at"),
    "contract-balances": ("from", "to"),
    "revenue-schedule": ("from", "to", "at"),
}


class Books:
    """What a caller does again and again. `currency` is that of the documents; journals are in that of the books."""

    def __init__(self, caller: Caller, monkeypatch: pytest.MonkeyPatch, currency: str = "USD") -> None:
        monkeypatch.setattr(jobs, "async_task", lambda *args, **options: None)
        self.caller, self.currency = caller, currency
        self._products: dict[str, int] = {}
        more = {} if currency == "USD" else {"currency": currency}
        self.customer = caller.post("/customers", {"external_id": "C-1", "name": "Globex", **more})["id"]

    def money(self, amount: str) -> dict[str, str]:
        return {"amount": amount, "currency": self.currency}

    def product(self, code: str) -> int:
        if code not in self._products:
            self._products[code] = self.caller.post("/products", {"code": code, "name": code})["id"]
        return self._products[code]

    def flat(self, amount: str, code: str = "plan", **more: Any) -> dict[str, Any]:
        return {"product": self.product(code), "pricing_model": "flat_fee", "pricing": {"amount": amount}, **more}

    def sell(self, start: str, *items: dict[str, Any], **terms: Any) -> int:
        """Draft and start a contract; the key is its id."""
        agreed = {"customer": self.customer, "number": "K-1", "start": start, "items": list(items), **terms}
        contract = self.caller.post("/contracts", agreed)
        self.caller.post(f"/contracts/{contract['id']}/start", status=200)
        return int(contract["id"])

    def items(self, contract: int) -> list[int]:
        phases = self.caller.get(f"/contracts/{contract}")["phases"]
        return [item["id"] for phase in phases for item in phase["items"]]

    def modify(self, contract: int, on: str, *, signed: str = "", **change: Any) -> Any:
        agreed = {"effective_on": on, "signed_on": signed or on, "reason": "Agreed by mail", **change}
        return self.caller.post(f"/contracts/{contract}/modify", agreed)

    def invoice(self, on: str, *lines: dict[str, Any]) -> dict[str, Any]:
        """Write an invoice without a contract, and finalize it."""
        draft = self.caller.post("/invoices", {"customer": self.customer, "issued_on": on, "lines": list(lines)})
        return self.caller.post(f"/invoices/{draft['id']}/finalize", status=200)

    def pay(self, on: str, amount: str, **more: Any) -> dict[str, Any]:
        paid = {"customer": self.customer, "received_on": on, "amount": self.money(amount), **more}
        return self.caller.post("/payments", paid)

    def run(self, kind: str, through: str, **more: Any) -> str:
        """Start a run as a job, let a worker do it, and answer what it says it did."""
        job = self.caller.post(f"/jobs/{kind}", {"through": through, **more})
        jobs.run_job(job_id=job["id"])
        done = self.caller.get(f"/jobs/{job['id']}")
        assert done["status"] == "done", done["outcome"]
        return str(done["outcome"])

    def bill(self, through: str) -> str:
        return self.run("run-billing", through, finalize=True)

    def recognize(self, through: str) -> str:
        return self.run("recognize-revenue", through)

    def journal(self, *, since: str = "2000-01-01") -> str:
        """Write the entries from a day on as a bookkeeper would, in base currency, one block a day and event."""
        found = self.caller.get("/journal-entries", {"ordering": "id", "page_size": 500, "date__gte": since})["results"]
        blocks: dict[tuple[str, str], dict[tuple[str, str], Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for entry in sorted(found, key=lambda each: each["date"]):
            block = blocks[entry["date"], entry["description"]]
            for line in self.caller.get(f"/journal-entries/{entry['id']}")["lines"]:
                for side, name in (("Dr", "base_debit"), ("Cr", "base_credit")):
                    if amount := Decimal(line[name]["amount"]):
                        block[side, line["account_name"]] += amount
        return "\n".join(
            line
            for (day, words), sums in blocks.items()
            for line in (
                f"{day}  {words}",
                *(
                    f"    {side} {name:<32}{sum_:>12,}"
                    for (side, name), sum_ in sorted(sums.items(), key=lambda each: (each[0][0] == "Cr", each[0]))
                ),
            )
        )

    def stands(self, at: str) -> dict[str, str]:
        """The trial balance: debits as they are, credits with a minus. Every report of the day must prove itself."""
        given = {"at": at, "to": at, "from": f"{at[:4]}-01-01"}
        for report, names in _REPORTS.items():
            proofs = self.caller.get(f"/reports/{report}", {name: given[name] for name in names})["proofs"]
            assert [proof for proof in proofs if not proof["holds"]] == [], report
        rows = self.caller.get("/reports/trial-balance", {"at": at})["tables"][0]["rows"]
        return {
            row["values"]["name"]: row["values"]["debit"]["amount"]
            if row["values"]["debit"]
            else f"-{row['values']['credit']['amount']}"
            for row in rows
            if row["style"] == "line" and (row["values"]["debit"] or row["values"]["credit"])
        }
