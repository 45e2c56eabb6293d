"""What accounting announces, inside the transaction.

`events_booked`: sent once per published batch of one kind, by `accounting.receivers` alone, with the event class as `sender`,
`events`, `entries` (a sequence of `accounting.posting.PostedEntry`, empty where nothing was to be posted) and `stamp`, which
is another one as soon as anything the tenant set up has changed. Listened to by `integrations.receivers`.
The others: `events`, like billing's signals. Listened to by `accounting.receivers`.
"""

from django.dispatch import Signal

events_booked = Signal()
revenue_recognized = Signal()
manual_entry_approved = Signal()
entry_reversed = Signal()
usage_trued_up = Signal()
contract_balances_netted = Signal()
contract_netting_reversed = Signal()
foreign_balances_revalued = Signal()
foreign_revaluation_reversed = Signal()
