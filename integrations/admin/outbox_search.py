"""Find items of the outbox by what people have at hand: our reference, a number, a customer, the ERP's id."""

import re

from django.db.models import Q, QuerySet

from billing.models import CreditNote, Customer, Invoice, Payment, PaymentAllocation, Product
from integrations.documents import Kind
from integrations.kinds import BY_LETTERS
from integrations.models import ExternalReference, OutboxItem

_MOST = 500
_ENTRY = re.compile(r"JE-0*(\d{1,18})")
_REFERENCE = re.compile(r"([A-Z2-7]{5})-([A-Z]{1,2})(\d{1,18})")
_OF_ALLOCATIONS = (Kind.PAYMENT_UPDATE, Kind.WITHHELD, Kind.WITHHELD_LOSS)


def search(items: QuerySet[OutboxItem], term: str) -> QuerySet[OutboxItem]:
    """Narrow the items down to those that a term names."""
    term = term.strip()
    if not term:
        return items
    referred = _REFERENCE.fullmatch(term.upper())
    if referred and referred[2] in BY_LETTERS:
        ours = items.filter(connection__reference_prefix=referred[1])
        return ours.filter(kind=BY_LETTERS[referred[2]], subject_id=int(referred[3]))
    entry = _ENTRY.fullmatch(term.upper())
    if entry:
        return items.filter(kind=Kind.JOURNAL_ENTRY, subject_id=int(entry[1]))
    return items.filter(_by_number(term) | _by_customer(term) | _by_their_id(term))


def _by_number(term: str) -> Q:
    invoices = list(Invoice.objects.filter(number__istartswith=term).values_list("id", flat=True)[:_MOST])
    credits_ = list(CreditNote.objects.filter(number__istartswith=term).values_list("id", flat=True)[:_MOST])
    payments = list(Payment.objects.filter(reference__istartswith=term).values_list("id", flat=True)[:_MOST])
    products = list(Product.objects.filter(code__iexact=term).values_list("id", flat=True)[:_MOST])
    updates = PaymentAllocation.objects.filter(payment_id__in=payments).values_list("id", flat=True)
    return (
        Q(kind__in=(Kind.INVOICE, Kind.INVOICE_VOID), subject_id__in=invoices)
        | Q(kind=Kind.CREDIT_NOTE, subject_id__in=credits_)
        | Q(kind=Kind.PAYMENT, subject_id__in=payments)
        | Q(kind__in=_OF_ALLOCATIONS, subject_id__in=list(updates[:_MOST]))
        | Q(kind=Kind.PRODUCT, subject_id__in=products)
    )


def _by_customer(term: str) -> Q:
    named = Customer.objects.filter(Q(name__icontains=term) | Q(external_id__iexact=term))
    return Q(group_key__in=list(named.values_list("id", flat=True)[:_MOST]))


def _by_their_id(term: str) -> Q:
    wanted = Q()
    for connection_id, kind, subject_id in ExternalReference.objects.filter(external_id=term).values_list(
        "connection_id", "kind", "subject_id"
    )[:_MOST]:
        wanted |= Q(connection_id=connection_id, kind=kind, subject_id=subject_id)
    return wanted or Q(pk__in=[])
