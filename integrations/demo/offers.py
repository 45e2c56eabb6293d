"""What the demo companies sell: one offer for each pricing model, cadence and way to earn revenue."""

from dataclasses import dataclass
from typing import Any

from billing.models import BillingTiming, RecognitionMethod

FAMILIES = {"platform": "Platform", "services": "Services"}

# Code: name, family, how it is earned.
PRODUCTS = {
    "plan": ("Workspace plan", "platform", RecognitionMethod.STRAIGHT_LINE_DAYS),
    "seats": ("Seats", "platform", RecognitionMethod.STRAIGHT_LINE_DAYS),
    "storage": ("Storage", "platform", RecognitionMethod.STRAIGHT_LINE_DAYS),
    "messages": ("Messages", "platform", RecognitionMethod.STRAIGHT_LINE_DAYS),
    "support": ("Premium support", "services", RecognitionMethod.STRAIGHT_LINE_MONTHS),
    "onboarding": ("Onboarding", "services", RecognitionMethod.POINT_IN_TIME),
    "archive": ("Data archive", "services", RecognitionMethod.STRAIGHT_LINE_DAYS),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A list price of a product, and how it is billed. `once`: for its first month only."""

    product: str
    price: str
    pricing_model: str
    pricing: dict[str, Any]
    interval_months: int = 1
    timing: BillingTiming = BillingTiming.ADVANCE
    is_metered: bool = False
    once: bool = False


def _flat(product: str, price: str, amount: str, **terms: Any) -> Offer:
    return Offer(product, price, "flat_fee", {"amount": amount}, **terms)


def _tiers(*tiers: tuple[str | None, str]) -> dict[str, Any]:
    return {"tiers": [{"up_to": up_to, "unit_amount": amount} for up_to, amount in tiers]}


OFFERS = {
    "starter": _flat("plan", "Starter, monthly", "49.00"),
    "team": _flat("plan", "Team, monthly", "149.00"),
    "business": _flat("plan", "Business, monthly", "489.00"),
    "business-quarterly": _flat("plan", "Business, quarterly", "1390.00", interval_months=3),
    "team-yearly": _flat("plan", "Team, yearly", "1490.00", interval_months=12),
    "seats": Offer("seats", "Per seat", "per_unit", {"unit_amount": "12.50"}),
    "seats-volume": Offer("seats", "By tiers", "tiered", _tiers(("20", "12.50"), ("100", "10.00"), (None, "8.00"))),
    "storage": Offer(
        "storage",
        "Per GB, by tiers",
        "tiered",
        _tiers(("500", "0.20"), ("2000", "0.15"), (None, "0.08")),
        timing=BillingTiming.ARREARS,
        is_metered=True,
    ),
    "messages": Offer(
        "messages",
        "Per message",
        "per_unit",
        {"unit_amount": "0.0125"},
        timing=BillingTiming.ARREARS,
        is_metered=True,
    ),
    "support": _flat("support", "Monthly, in arrears", "99.00", timing=BillingTiming.ARREARS),
    "onboarding": _flat("onboarding", "Once", "750.00", once=True),
    "archive": _flat("archive", "Monthly", "180.00"),
}
