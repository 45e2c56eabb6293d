"""Customers' wallets as they stand: held while they move, their entries written, what has run out of time expired.

What comes in may have a last day on which it can be used. What expires first is used first; what is left of it after that
day expires, at the latest when the wallet is next used. The verbs are in `wallets`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import DecimalField, F, Sum
from django.db.models.functions import Coalesce

from billing.errors import BillingError, NotFound
from billing.events import head_of
from billing.models import Customer, Wallet, WalletDraw, WalletEntry, WalletEntryKind
from billing.payment_events import WalletExpired
from billing.periods import day_words
from billing.publishing import publish
from billing.refusals import part_by_part

ZERO = Decimal(0)

_EXPIRING = """
SELECT w.id, w.customer_id, w.currency FROM billing_wallet w
JOIN LATERAL (SELECT * FROM billing_walletentry WHERE wallet_id = w.id ORDER BY number DESC LIMIT 1) e ON true
WHERE e.paid_balance + e.bonus_balance > 0 AND w.id > %s
  AND w.id IN (SELECT wallet_id FROM billing_walletentry WHERE expires_on <= %s) ORDER BY w.id LIMIT %s
"""
_CHUNK = 100


@dataclass(slots=True)
class Held:
    """A wallet whose row is locked, with its balances after the newest entry and the last days of what came in, in order."""

    row: Wallet
    number: int
    paid: Decimal
    bonus: Decimal
    last_days: list[date] = field(default_factory=list)

    @property
    def balance(self) -> Decimal:
        return self.paid + self.bonus


def refuse_past(expires_on: date | None, on: date) -> None:
    """Refuse a last day before the day on which the money or bonus comes in. Raises BillingError."""
    if expires_on and expires_on < on:
        raise BillingError(
            f"It comes in on {day_words(on)}, but its last day would be {day_words(expires_on)}. Give a later last day, or none."
        )


def hold_wallet(*, customer_id: int, currency: str) -> Held:
    """Lock a customer's wallet, made where there is none yet. Raises NotFound for an unknown customer."""
    customer = Customer.objects.filter(pk=customer_id).first()
    if customer is None:
        raise NotFound(f"There is no customer with the id {customer_id}.")
    made, _ = Wallet.objects.get_or_create(
        customer=customer,
        currency=currency,
        defaults={"tenant_id": customer.tenant_id, "business_entity_id": customer.business_entity_id},
    )
    wallet = (
        Wallet.objects.select_for_update(of=("self",), no_key=True)
        .select_related("customer", "business_entity")
        .get(pk=made.pk)
    )
    last = wallet.entries.order_by("-number").first()
    if last is None:
        return Held(wallet, 0, ZERO, ZERO)
    held = Held(wallet, last.number, last.paid_balance.amount, last.bonus_balance.amount)
    if held.balance:
        days = wallet.entries.order_by("expires_on").values_list("expires_on", flat=True).distinct()
        held.last_days = [day for day in days if day]
    return held


def move(
    wallet: Held,
    kind: WalletEntryKind,
    *,
    on: date,
    paid: Decimal = ZERO,
    bonus: Decimal = ZERO,
    sources: Mapping[int, Decimal] | None = None,
    **about: Any,
) -> WalletEntry:
    """Write a movement of a wallet held by `hold_wallet`; both amounts signed. `sources`: what it takes, else by its rule."""
    wallet.number += 1
    wallet.paid += paid
    wallet.bonus += bonus
    entry = WalletEntry.objects.create(
        tenant_id=wallet.row.tenant_id,
        wallet=wallet.row,
        number=wallet.number,
        kind=kind,
        on=on,
        currency=wallet.row.currency,
        paid=paid,
        bonus=bonus,
        paid_balance=wallet.paid,
        bonus_balance=wallet.bonus,
        **about,
    )
    if paid < 0:
        _draw(wallet, entry, -paid, left_of(wallet) if sources is None else sources)
    return entry


def left_of(wallet: Held) -> dict[int, Decimal]:
    """Give what is left of each entry that brought money into a wallet: what expires first, then the oldest. One query."""
    drawn = Coalesce(Sum("drawn__amount"), ZERO, output_field=DecimalField())
    rows = wallet.row.entries.filter(paid__gt=0).annotate(left=F("paid") - drawn).filter(left__gt=0)
    return dict(rows.order_by(F("expires_on").asc(nulls_last=True), "number").values_list("id", "left"))


def _bonus_left_of(wallet: Held) -> dict[int, Decimal]:
    """Give what is left of each bonus, by entry. Uses took what expires first, then the oldest. One query."""
    left: dict[int, Decimal] = {}
    order: dict[int, tuple[date, int]] = {}
    moved: Any = wallet.row.entries.exclude(bonus=0).order_by("number")
    for pk, number, bonus, last_day in moved.values_list("id", "number", "bonus", "expires_on"):
        if bonus > 0:
            left[pk], order[pk] = bonus, (last_day or date.max, number)
            continue
        wanted = -bonus
        for source in sorted(left, key=order.__getitem__):
            part = min(left[source], wanted)
            left[source] -= part
            wanted -= part
    return left


def _draw(wallet: Held, entry: WalletEntry, amount: Decimal, sources: Mapping[int, Decimal]) -> None:
    """Note which money an entry took: that of a voided credit note is its own, else the first of the sources."""
    if entry.kind == WalletEntryKind.CREDIT_NOTE_VOIDED:
        own = wallet.row.entries.filter(credit_note=entry.credit_note_id, kind=WalletEntryKind.CREDIT_NOTE)
        sources = {pk: sources[pk] for pk in own.values_list("id", flat=True) if pk in sources}
    draws = []
    for source, left in sources.items():
        part = min(left, amount)
        if part:
            draws.append(
                WalletDraw(
                    tenant_id=entry.tenant_id,
                    entry=entry,
                    source_id=source,
                    currency=entry.currency,
                    amount=part,
                )
            )
            amount -= part
    WalletDraw.objects.bulk_create(draws)


def facts_of(entry: WalletEntry, wallet: Wallet) -> dict[str, Any]:
    return {
        **head_of(wallet, on=entry.on, key=entry.pk),
        "wallet_entry_id": entry.pk,
        "customer_id": wallet.customer_id,
    }


def expire_wallets(*, through: date) -> int:
    """Let what could be used until the day, or a day before, expire. Answers of how many wallets; again it does nothing.

    Dated the last day on which it could be used. Works in transactions of a hundred wallets.
    """
    return part_by_part(partial(_expire_some, through))


@transaction.atomic
def _expire_some(through: date, after: int) -> tuple[int, int]:
    """Answer how many wallets' money expired, and the id of the last one that was looked at."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRING, [after, through, _CHUNK])
        rows = cursor.fetchall()
    count = sum(bool(expire(hold_wallet(customer_id=customer, currency=code), through)) for _, customer, code in rows)
    return count, rows[-1][0] if rows else after


def expire(wallet: Held, through: date) -> list[WalletEntry]:
    """Let what is left of a held wallet's money and bonus with a last day by then expire: an entry for each such day."""
    past = [day for day in wallet.last_days if day <= through]
    if not past or not wallet.balance:
        return []
    last_day = dict(wallet.row.entries.filter(expires_on__in=past).values_list("id", "expires_on"))
    money, bonus = left_of(wallet), _bonus_left_of(wallet)
    entries = []
    for day in past:
        ending = [pk for pk, ends in last_day.items() if ends == day]
        sources = {pk: money[pk] for pk in ending if pk in money}
        paid = sum(sources.values(), ZERO)
        granted = sum((bonus.get(pk, ZERO) for pk in ending), ZERO)
        if paid or granted:
            entries.append(move(wallet, WalletEntryKind.EXPIRED, on=day, paid=-paid, bonus=-granted, sources=sources))
    wallet.last_days = wallet.last_days[len(past) :]
    publish(
        [
            WalletExpired(paid=-entry.paid.amount, bonus=-entry.bonus.amount, **facts_of(entry, wallet.row))
            for entry in entries
        ]
    )
    return entries


def hold_usable(*, customer_id: int, currency: str, on: date) -> Held:
    """Hold a wallet to use it on a day: what could be used until a day before has expired. Raises NotFound."""
    wallet = hold_wallet(customer_id=customer_id, currency=currency)
    expire(wallet, on - timedelta(days=1))
    return wallet
