"""What accounting announces. Sent inside the transaction, by `accounting.posting` and the recognition run alone.

`entries_posted`: `tenant_id` and `entries`, a sequence of `accounting.posting.PostedEntry`. Listened to by
`integrations.receivers`. The others: `events`, like billing's signals. Listened to by `accounting.receivers`.
"""

from django.dispatch import Signal

entries_posted = Signal()
revenue_recognized = Signal()
usage_trued_up = Signal()
contract_balances_netted = Signal()
contract_netting_reversed = Signal()
