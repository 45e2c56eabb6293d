"""Customers' wallets: topped up, granted a bonus, applied to invoices. Each movement is an entry that never changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import DecimalField, F, Sum
from django.db.models.functions import Coalesce

from billing.errors import BillingError, NotFound
from billing.models import (
    OPEN_STATUSES,
    BonusUse,
    Customer,
    Invoice,
    Payment,
    PaymentMethod,
    Wallet,
    WalletDraw,
    WalletEntry,
    WalletEntryKind,
)
from billing.money import format_money, round_money
from billing.payment_events import WalletApplied, WalletBonusGranted, WalletBonusWithdrawn, WalletToppedUp
from billing.periods import day_words
from billing.publishing import publish
from billing.services.gateways import gateway_of
from billing.services.payments import oldest_first, refuse_unfit
from billing.services.settlement import lock_open, settle

ZERO = Decimal(0)

_HOLDING = """
SELECT w.customer_id, w.currency, e."on" FROM billing_wallet w
JOIN LATERAL (SELECT * FROM billing_walletentry WHERE wallet_id = w.id ORDER BY number DESC LIMIT 1) e ON true
WHERE e.paid_balance + e.bonus_balance > 0
  AND w.customer_id IN (SELECT customer_id FROM billing_invoice WHERE id = ANY(%s) AND status = ANY(%s))
"""


@dataclass(slots=True)
class Held:
    """A wallet whose row is locked, with its balances after the newest entry."""

    row: Wallet
    number: int
    paid: Decimal
    bonus: Decimal

    @property
    def balance(self) -> Decimal:
        return self.paid + self.bonus


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
        Wallet.objects.select_for_update(of=("self",)).select_related("customer", "business_entity").get(pk=made.pk)
    )
    last = wallet.entries.order_by("-number").first()
    if last is None:
        return Held(wallet, 0, ZERO, ZERO)
    return Held(wallet, last.number, last.paid_balance.amount, last.bonus_balance.amount)


def move(
    wallet: Held, kind: WalletEntryKind, *, on: date, paid: Decimal = ZERO, bonus: Decimal = ZERO, **about: Any
) -> WalletEntry:
    """Write a movement of a wallet held by `hold_wallet`; both amounts signed."""
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
        _draw(wallet, entry, -paid)
    return entry


def left_of(wallet: Held) -> dict[int, Decimal]:
    """Give what is left of each entry that brought money into a wallet, by entry, the oldest first. One query."""
    drawn = Coalesce(Sum("drawn__amount"), ZERO, output_field=DecimalField())
    rows = wallet.row.entries.filter(paid__gt=0).annotate(left=F("paid") - drawn).filter(left__gt=0)
    return dict(rows.order_by("number").values_list("id", "left"))


def _draw(wallet: Held, entry: WalletEntry, amount: Decimal) -> None:
    """Note which money an entry took: that of a voided credit note is its own, else the oldest goes first."""
    sources = left_of(wallet)
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


def _facts(entry: WalletEntry, wallet: Wallet) -> dict[str, Any]:
    return {
        "tenant_id": wallet.tenant_id,
        "business_entity_id": wallet.business_entity_id,
        "occurred_on": entry.on,
        "currency": wallet.currency,
        "key": str(entry.pk),
        "wallet_entry_id": entry.pk,
        "customer_id": wallet.customer_id,
    }


@transaction.atomic
def top_up_wallet(
    *,
    customer_id: int,
    amount: Decimal,
    currency: str,
    on: date,
    bonus: Decimal = ZERO,
    method: str = PaymentMethod.BANK_TRANSFER,
    gateway: str = "",
    reference: str = "",
) -> WalletEntry:
    """Record money paid into a wallet, and the bonus granted with it. Raises NotFound, BillingError."""
    customer = refuse_unfit(customer_id=customer_id, amount=amount, currency=currency, reference=reference)
    wallet = hold_wallet(customer_id=customer_id, currency=currency)
    payment = Payment.objects.create(
        tenant_id=customer.tenant_id,
        business_entity_id=customer.business_entity_id,
        customer=customer,
        gateway=gateway_of(gateway, business_entity_id=customer.business_entity_id),
        received_on=on,
        currency=currency,
        amount=amount,
        unapplied=ZERO,
        method=method,
        reference=reference,
    )
    entry = move(wallet, WalletEntryKind.TOP_UP, on=on, paid=amount, payment=payment)
    _publish_top_up(entry, wallet.row, payment, ZERO)
    if bonus:
        _grant(wallet, bonus, on, "With the top-up")
    return entry


@transaction.atomic
def keep_in_wallet(*, payment_id: int, on: date, amount: Decimal | None = None) -> WalletEntry:
    """Move what is unapplied of a payment (None: all of it) into the customer's wallet. Raises NotFound, BillingError."""
    payment = Payment.objects.select_for_update().filter(pk=payment_id).first()
    if payment is None:
        raise NotFound(f"There is no payment with the id {payment_id}.")
    rest = payment.unapplied.amount
    amount = rest if amount is None else amount
    if not 0 < amount <= rest or amount != round_money(amount, payment.currency):
        raise BillingError(
            f"Only {format_money(rest, payment.currency)} of this payment is unapplied.", code="exceeds_unapplied"
        )
    if on < payment.received_on:
        raise BillingError(f"The payment came in on {day_words(payment.received_on)}; it cannot be moved before.")
    payment.unapplied = rest - amount
    payment.save(update_fields=["unapplied"])
    wallet = hold_wallet(customer_id=payment.customer_id, currency=payment.currency)
    entry = move(wallet, WalletEntryKind.TOP_UP, on=on, paid=amount, payment=payment)
    _publish_top_up(entry, wallet.row, payment, amount)
    return entry


def _publish_top_up(entry: WalletEntry, wallet: Wallet, payment: Payment, from_unapplied: Decimal) -> None:
    publish(
        [
            WalletToppedUp(
                payment_id=payment.pk,
                by_gateway=payment.gateway_id is not None,
                amount=entry.paid.amount,
                from_unapplied=from_unapplied,
                **_facts(entry, wallet),
            )
        ]
    )


@transaction.atomic
def grant_bonus(*, customer_id: int, amount: Decimal, currency: str, on: date, reason: str) -> WalletEntry:
    """Grant promotional credit: no money, a discount when it is used. Raises NotFound, BillingError."""
    if not reason.strip():
        raise BillingError("Say why the bonus is granted; an auditor will ask.")
    return _grant(hold_wallet(customer_id=customer_id, currency=currency), amount, on, reason)


def _grant(wallet: Held, amount: Decimal, on: date, reason: str) -> WalletEntry:
    if amount <= 0 or amount != round_money(amount, wallet.row.currency):
        raise BillingError(f"A bonus must be more than zero, in whole minor units of {wallet.row.currency}.")
    entry = move(wallet, WalletEntryKind.BONUS, on=on, bonus=amount, reason=reason.strip())
    publish([WalletBonusGranted(bonus=amount, **_facts(entry, wallet.row))])
    return entry


@transaction.atomic
def withdraw_bonus(*, customer_id: int, amount: Decimal, currency: str, on: date, reason: str) -> WalletEntry:
    """Take back promotional credit that was not used. Raises NotFound, BillingError."""
    wallet = hold_wallet(customer_id=customer_id, currency=currency)
    if not reason.strip():
        raise BillingError("Say why the bonus is withdrawn; an auditor will ask.")
    if not 0 < amount <= wallet.bonus or amount != round_money(amount, currency):
        raise BillingError(
            f"The wallet holds {format_money(wallet.bonus, currency)} of bonus; no more can be withdrawn.",
            code="exceeds_balance",
        )
    entry = move(wallet, WalletEntryKind.WITHDRAWN, on=on, bonus=-amount, reason=reason.strip())
    publish([WalletBonusWithdrawn(bonus=amount, **_facts(entry, wallet.row))])
    return entry


@transaction.atomic
def apply_wallet(
    *, customer_id: int, currency: str, on: date, allocations: Mapping[int, Decimal] | None = None
) -> list[WalletEntry]:
    """Settle invoices with a wallet; None: the oldest due first, as far as it reaches. Raises NotFound, BillingError."""
    wallet = hold_wallet(customer_id=customer_id, currency=currency)
    if allocations is None:
        allocations = oldest_first(customer_id=customer_id, currency=currency, amount=wallet.balance)
    wanted = sum(allocations.values(), ZERO)
    if not wanted or wanted > wallet.balance:
        raise BillingError(
            f"The wallet holds {format_money(wallet.balance, currency)}."
            if allocations
            else "There is nothing to do: the wallet is empty or no invoice is open.",
            code="exceeds_balance",
        )
    return _apply([(wallet, allocations, on)])


def apply_wallets(invoice_ids: Iterable[int]) -> int:
    """Settle fresh invoices with their customers' wallets, as far as these reach. Answers how many invoices it touched.

    One query where no wallet holds anything. Dated the invoice's day, or the wallet's newest entry's where that is later.
    """
    ids = list(invoice_ids)
    with connection.cursor() as cursor:
        cursor.execute(_HOLDING, [ids, [str(status) for status in OPEN_STATUSES]])
        holding = {(customer, currency): on for customer, currency, on in cursor.fetchall()}
    if not holding:
        return 0
    invoices = Invoice.objects.filter(
        pk__in=ids, status__in=OPEN_STATUSES, customer__in={customer for customer, _ in holding}
    ).order_by("due_on", "id")
    wallets: dict[tuple[int, str], Held] = {}
    touched = 0
    with transaction.atomic():
        for invoice in invoices:
            key = (invoice.customer_id, invoice.currency)
            if key not in holding:
                continue
            wallet = wallets.get(key) or hold_wallet(customer_id=key[0], currency=key[1])
            wallets[key] = wallet
            amount = min(wallet.balance, invoice.due.amount)
            if amount > 0:
                _apply([(wallet, {invoice.pk: amount}, max(invoice.issued_on, holding[key]))])
                touched += 1
    return touched


def _apply(wanted: Iterable[tuple[Held, Mapping[int, Decimal], date]]) -> list[WalletEntry]:
    entries, events = [], []
    for wallet, allocations, on in wanted:
        row = wallet.row
        invoices = lock_open(allocations, customer_id=row.customer_id, currency=row.currency)
        early = next((invoice for invoice in invoices.values() if on < invoice.issued_on), None)
        if early:
            raise BillingError(
                f"Invoice {early} is dated {day_words(early.issued_on)}; it cannot be settled before that day."
            )
        for invoice_id, amount in allocations.items():
            bonus = _bonus_in(amount, wallet)
            entry = move(
                wallet,
                WalletEntryKind.APPLIED,
                on=on,
                paid=bonus - amount,
                bonus=-bonus,
                invoice=invoices[invoice_id],
            )
            entries.append(entry)
            events.append(WalletApplied(invoice_id=invoice_id, paid=amount - bonus, bonus=bonus, **_facts(entry, row)))
        settle(allocations)
    publish(events)
    return entries


def _bonus_in(amount: Decimal, wallet: Held) -> Decimal:
    if wallet.row.business_entity.wallet_bonus == BonusUse.IN_PROPORTION:
        share = round_money(amount * wallet.bonus / wallet.balance, wallet.row.currency)
        return max(min(share, wallet.bonus), amount - wallet.paid)
    return max(amount - wallet.paid, ZERO)
