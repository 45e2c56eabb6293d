"""Examples of accounting's requests; see `billing.api.examples`."""

from typing import Any

from billing.api.examples import modification_example

EXAMPLES: dict[str, Any] = {
    "contracts_what_if_create": modification_example(),
    "jobs_recognize_revenue_create": {"through": "2026-01-31"},
    "jobs_revalue_balances_create": {"through": "2026-01-31"},
    "jobs_net_contracts_create": {"through": "2026-01-31"},
    "exchange_rates_create": {
        "source": "ECB",
        "bank_currency": "EUR",
        "quotation": "foreign_per_bank",
        "rates": [{"date": "2026-01-30", "currency": "USD", "rate": "1.1012"}],
    },
    "journal_entries_reverse_create": {"on": "2026-02-28", "reason": "Posted to the wrong month"},
    "manual_entries_create": {
        "date": "2026-01-31",
        "description": "Accrued audit fee",
        "note": "As offered, a twelfth",
        "reverse_on": "2026-02-01",
        "lines": [
            {"account": "5100", "debit": {"amount": "1000.00", "currency": "USD"}},
            {"account": "1000", "credit": {"amount": "1000.00", "currency": "USD"}},
        ],
    },
    "manual_entries_attachments_create": {
        "name": "offer.txt",
        "content": "QXVkaXQgZmVlOiAxMiwwMDAuMDAgVVNEIGEgeWVhcg==",
    },
    "periods_validate_close_create": {"end_date": "2026-01-31"},
    "periods_reopen_create": {"reason": "An invoice of the month came late"},
    "revenue_schedules_progress_create": {
        "reached_on": "2026-02-15",
        "percent": "40",
        "evidence": "Sign-off of the second milestone",
    },
    "revenue_schedules_override_create": {
        "parts": [{"start": "2026-02-01", "end": "2026-03-01", "amount": "500.00"}],
        "reason": "Delivered in one month",
        "on": "2026-02-01",
    },
}
