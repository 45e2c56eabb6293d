"""What moved a balance: the lines of a set of accounts, sorted by what happened."""

# Kinds of business events, by what they do to what is deferred or unbilled. What is in none of them (an entry made by
# hand, a netting, a currency difference) is shown as other.
MOVEMENTS: dict[str, tuple[str, ...]] = {
    "billed": ("invoice_finalized", "contract_started", "contract_renewed", "contract_modified", "contract_ended"),
    "recognized": ("revenue_recognized", "usage_trued_up", "credits_consumed", "credits_expired"),
    "credited": (
        "invoice_voided", "credit_note_issued", "credit_note_voided", "refund_paid", "dispute_opened", "dispute_won",
        "invoice_written_off",
        "write_off_recovered",
    ),
}  # fmt: skip
OTHER = "other"

# An entry says by which rule it was posted, and a rule speaks of one kind of event: two small tables instead of every
# event. An entry without a rule was made by hand.
SOURCE = """accounting_journalline l JOIN accounting_journalentry e ON e.id = l.entry_id
LEFT JOIN accounting_ruleversion v ON v.id = e.rule_version_id LEFT JOIN accounting_accountingrule r ON r.id = v.rule_id"""


def filtered_sums(amount: str, also: str = "TRUE") -> str:
    """Give the SQL that sums an amount by movement, in the order billed, recognized, credited, other."""
    conditions = [f"r.event_kind IN ({_listed(group)})" for group in MOVEMENTS.values()]
    known = _listed(sum(MOVEMENTS.values(), ()))
    conditions.append(f"coalesce(r.event_kind NOT IN ({known}), TRUE)")
    return ", ".join(f"coalesce(sum({amount}) FILTER (WHERE {each} AND {also}), 0)" for each in conditions)


def event_filter(movement: str) -> str:
    """Give the kinds of event of a movement as the list of journal lines takes them."""
    if movement == OTHER:
        return "-" + ",".join(sum(MOVEMENTS.values(), ()))
    return ",".join(MOVEMENTS[movement])


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)
