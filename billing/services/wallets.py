"""Customers' wallets: topped up, granted a bonus, applied to invoices. Each movement is an entry that never changes.

`held_wallets` holds them, writes their entries and lets expire what has a last day.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal

from django.db import connection, transaction

from billing.errors import BillingError, NotFound
from billing.models import (
    OPEN_STATUSES,
    BonusUse,
    Invoice,
    Payment,
    PaymentMethod,
    Wallet,
    WalletEntry,
    WalletEntryKind,
)
from billing.money import format_money, round_money
from billing.payment_events import (
    WalletApplied,
    WalletBonusGranted,
    WalletBonusWithdrawn,
    WalletToppedUp,
)
from billing.periods import day_words
from billing.publishing import publish
from billing.services.gateways import gateway_of
from billing.services.held_wallets import Held, expire, facts_of, hold_usable, hold_wallet, move, refuse_past
from billing.services.payments import oldest_first, refuse_unfit
from billing.services.settlement import lock_open, settle

ZERO = Decimal(0)

_HOLDING = """
SELECT w.customer_id, w.currency, e."on" FROM billing_wallet w
JOIN LATERAL (SELECT * FROM billing_walletentry WHERE wallet_id = w.id ORDER BY number DESC LIMIT 1) e ON true
WHERE e.paid_balance + e.bonus_balance > 0
  AND w.customer_id IN (SELECT customer_id FROM billing_invoice WHERE id = ANY(%s) AND status = ANY(%s))
"""


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
    expires_on: date | None = None,
    bonus_expires_on: date | None = None,
) -> WalletEntry:
    """Record money paid into a wallet, and the bonus granted with it, each with the last day on which it can be used.

    Raises NotFound, BillingError.
    """
    refuse_past(expires_on, on)
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
    entry = move(wallet, WalletEntryKind.TOP_UP, on=on, paid=amount, payment=payment, expires_on=expires_on)
    _publish_top_up(entry, wallet.row, payment, ZERO)
    if bonus:
        _grant(wallet, bonus, on, "With the top-up", bonus_expires_on)
    return entry


@transaction.atomic
def keep_in_wallet(
    *, payment_id: int, on: date, amount: Decimal | None = None, expires_on: date | None = None
) -> WalletEntry:
    """Move what is unapplied of a payment (None: all of it) into the customer's wallet, there to be used until a last day.

    Raises NotFound, BillingError.
    """
    refuse_past(expires_on, on)
    payment = Payment.objects.select_for_update(no_key=True).filter(pk=payment_id).first()
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
    entry = move(wallet, WalletEntryKind.TOP_UP, on=on, paid=amount, payment=payment, expires_on=expires_on)
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
                **facts_of(entry, wallet),
            )
        ]
    )


@transaction.atomic
def grant_bonus(
    *, customer_id: int, amount: Decimal, currency: str, on: date, reason: str, expires_on: date | None = None
) -> WalletEntry:
    """Grant promotional credit: no money, a discount when it is used. Raises NotFound, BillingError."""
    if not reason.strip():
        raise BillingError("Say why the bonus is granted; an auditor will ask.")
    return _grant(hold_wallet(customer_id=customer_id, currency=currency), amount, on, reason, expires_on)


def _grant(wallet: Held, amount: Decimal, on: date, reason: str, expires_on: date | None) -> WalletEntry:
    refuse_past(expires_on, on)
    if amount <= 0 or amount != round_money(amount, wallet.row.currency):
        raise BillingError(f"A bonus must be more than zero, in whole minor units of {wallet.row.currency}.")
    entry = move(wallet, WalletEntryKind.BONUS, on=on, bonus=amount, reason=reason.strip(), expires_on=expires_on)
    publish([WalletBonusGranted(bonus=amount, **facts_of(entry, wallet.row))])
    return entry


@transaction.atomic
def withdraw_bonus(*, customer_id: int, amount: Decimal, currency: str, on: date, reason: str) -> WalletEntry:
    """Take back promotional credit that was not used. Raises NotFound, BillingError."""
    wallet = hold_usable(customer_id=customer_id, currency=currency, on=on)
    if not reason.strip():
        raise BillingError("Say why the bonus is withdrawn; an auditor will ask.")
    if not 0 < amount <= wallet.bonus or amount != round_money(amount, currency):
        raise BillingError(
            f"The wallet holds {format_money(wallet.bonus, currency)} of bonus; no more can be withdrawn.",
            code="exceeds_balance",
        )
    entry = move(wallet, WalletEntryKind.WITHDRAWN, on=on, bonus=-amount, reason=reason.strip())
    publish([WalletBonusWithdrawn(bonus=amount, **facts_of(entry, wallet.row))])
    return entry


@transaction.atomic
def apply_wallet(
    *, customer_id: int, currency: str, on: date, allocations: Mapping[int, Decimal] | None = None
) -> list[WalletEntry]:
    """Settle invoices with a wallet; None: the oldest due first, as far as it reaches. Raises NotFound, BillingError."""
    wallet = hold_usable(customer_id=customer_id, currency=currency, on=on)
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
            on = max(invoice.issued_on, holding[key])
            expire(wallet, on - timedelta(days=1))
            amount = min(wallet.balance, invoice.due.amount)
            if amount > 0:
                _apply([(wallet, {invoice.pk: amount}, on)])
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
            events.append(
                WalletApplied(invoice_id=invoice_id, paid=amount - bonus, bonus=bonus, **facts_of(entry, row))
            )
        settle(allocations)
    publish(events)
    return entries


def _bonus_in(amount: Decimal, wallet: Held) -> Decimal:
    if wallet.row.business_entity.wallet_bonus == BonusUse.IN_PROPORTION:
        share = round_money(amount * wallet.bonus / wallet.balance, wallet.row.currency)
        return max(min(share, wallet.bonus), amount - wallet.paid)
    return max(amount - wallet.paid, ZERO)
