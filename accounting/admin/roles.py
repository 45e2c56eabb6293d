"""The account roles that drop-downs offer."""

from accounting.admin.words import role_name
from accounting.models import DefaultAccount
from accounting.setup import starter_chart


def roles() -> list[tuple[str, str]]:
    """Give the roles that have an account, those of the starter chart first to last by name."""
    known = set(DefaultAccount.objects.order_by().values_list("role", flat=True).distinct())
    known |= {row["role"] for row in starter_chart() if row.get("role")}
    return sorted(((role, role_name(role)) for role in known), key=lambda each: each[1])
