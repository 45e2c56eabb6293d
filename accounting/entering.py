"""From measured events to posted entries, by a book of rules."""

from collections.abc import Sequence

from accounting import unmatched
from accounting.books import Books
from accounting.engine import MeasuredEvent, RuleBook, draft_entries
from accounting.mirroring import draft_reversals
from accounting.posting import PostedEntry, post


def enter(measured: Sequence[MeasuredEvent], books: Books, rules: RuleBook) -> list[PostedEntry]:
    """Draft and post. Events that no rule speaks of are listed, not dropped."""
    drafts, left = draft_entries(measured, rules)
    entries = post([*draft_reversals([each.event for each in measured], rules), *drafts], books)
    if left:
        unmatched.keep(measured, left)
    return entries
