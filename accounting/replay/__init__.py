"""History happens again: the stored business events go through the books' own code a second time, without posting.

    shadow.py   temporary tables that hide the real ones; the database lets nothing else be written
    then.py     rules, default accounts, policy and periods as they were at a moment, by the audit trail
    order.py    what happened, in the order in which it was booked; in batches that may be measured together
    state.py    what events do not say about the sub-ledger, taken from its stored rows
    run.py      the driver
    compare.py  shadow against ledger, line for line

`accounting.replaying` checks a ledger with it, `accounting.previews` tries a rule on the past.
"""
