"""One signal per business event, sent by `billing.publishing.publish` and by nothing else.

Each is sent inside the transaction that changed the state, with `events`, a sequence of the event's dataclass, all of
one tenant; the tenant is in scope. `ahead` is what the receiver asked ahead (`publishing.ask_ahead`), or None. A receiver
that raises undoes the whole transaction. Who listens: `accounting.receivers` (journal entries) and
`integrations.receivers` (documents for the ERP).
"""

from django.dispatch import Signal

# No business event: a legal entity was added, `entity`; sent in the transaction that added it, its tenant in scope.
business_entity_added = Signal()

contract_started = Signal()
contract_renewed = Signal()
contract_modified = Signal()
usage_recorded = Signal()
invoice_finalized = Signal()
invoice_voided = Signal()
credit_note_issued = Signal()
credit_note_voided = Signal()
payment_received = Signal()
payment_allocated = Signal()
payment_unallocated = Signal()
payment_voided = Signal()
payment_captured = Signal()
payout_received = Signal()
dispute_opened = Signal()
dispute_won = Signal()
dispute_lost = Signal()
refund_paid = Signal()
wallet_topped_up = Signal()
wallet_bonus_granted = Signal()
wallet_bonus_withdrawn = Signal()
wallet_applied = Signal()
wallet_expired = Signal()
invoice_written_off = Signal()
write_off_recovered = Signal()
credits_consumed = Signal()
credits_expired = Signal()
contract_ended = Signal()
