"""What has to be mapped before a connection can send, and what of it is missing still."""

from typing import NamedTuple

from django.db.models import Q, QuerySet

from accounting.models import Account, DefaultAccount
from billing.models import BusinessEntity, Dispute, Payment, ReturnedPart, TaxRate, WalletEntry, WalletEntryKind
from integrations.connectors import base
from integrations.connectors.base import Company
from integrations.counterparts import TAX_COMES_BACK
from integrations.models import Connection, Mapping, MappingKind, MappingStatus, SyncMode
from integrations.serving import entity_ids


def our_accounts(connection: Connection, *, all_possible: bool = False) -> list[Account]:
    """Give the accounts that need a counterpart: all that take lines; in documents mode those that documents name.

    What disputes, returned payments and wallet bonus go to is needed from the first of them on; `all_possible` gives it too.
    """
    accounts = Account.objects.filter(
        is_group=False, is_active=True, business_entity_id__in=entity_ids(connection)
    ).order_by("business_entity_id", "code")
    if connection.sync_mode == SyncMode.DOCUMENTS:
        named = Q(code__in=DefaultAccount.objects.filter(role="revenue").values("account_code"))  # Sales of products.
        if base.get(connection.erp).line_account:
            named |= Q(role="bad_debt_expense")  # What is written off.
        if connection.send_payments and base.get(connection.erp).receivable_types:
            named |= Q(role="accounts_receivable.customers")  # What refunds are taken from.
        named |= Q(role__in=_happened(connection, all_possible=all_possible))
        accounts = accounts.filter(named)
    return list(accounts)


def _happened(connection: Connection, *, all_possible: bool) -> list[str]:
    """Give the roles whose accounts documents name that not every company has."""
    roles = []
    if connection.send_payments and (all_possible or Dispute.objects.exists()):
        roles += ["disputes", "payment_gateway_fees"]
    if connection.send_payments and (all_possible or ReturnedPart.objects.exclude(refund=None).exists()):
        roles.append("refunds")
    if connection.send_payments:
        roles += _withheld(connection, all_possible=all_possible)
    if base.get(connection.erp).line_account and (all_possible or _bonus_used().exists()):
        roles.append("discounts_given")
    return roles


def _withheld(connection: Connection, *, all_possible: bool) -> list[str]:
    """Give the roles of tax that customers withheld: what comes back is paid into an account, what is lost is credited."""
    some = Payment.objects.filter(withheld__gt=0)
    roles = []
    if all_possible or some.filter(withheld_is_recoverable=True).exists():
        roles.append(TAX_COMES_BACK)
    lost = base.get(connection.erp).line_account and (
        all_possible or some.filter(withheld_is_recoverable=False).exists()
    )
    return [*roles, "tax_withheld"] if lost else roles


def _bonus_used() -> QuerySet[WalletEntry]:
    return WalletEntry.objects.filter(kind=WalletEntryKind.APPLIED, bonus__lt=0)


def has_subsidiaries(connection: Connection) -> bool:
    """Tell whether the ERP keeps several companies in one, so that every document names its own."""
    return bool(connection.company.get("extra", {}).get("subsidiaries"))


def needs_default_customer(connection: Connection) -> bool:
    """Tell whether journal lines on receivables must name a customer of the ERP."""
    return connection.sync_mode == SyncMode.JOURNAL_ENTRIES and bool(base.get(connection.erp).receivable_types)


def our_entities(connection: Connection) -> list[BusinessEntity]:
    """Give the business entities whose books this connection sends."""
    return list(BusinessEntity.objects.filter(pk__in=entity_ids(connection)).order_by("id"))


def _in_other_currencies(connection: Connection) -> list[tuple[BusinessEntity, str]]:
    """Give the entities whose base amounts the ERP could not keep, each with the currency of the books there."""
    homes = connection.company.get("extra", {}).get("subsidiaries", {})
    rows = Mapping.objects.filter(connection=connection, kind=MappingKind.SUBSIDIARY, status=MappingStatus.CONFIRMED)
    mapped = dict(rows.values_list("internal_id", "external_id"))
    home = connection.company.get("home_currency")
    theirs = [(entity, homes.get(mapped.get(entity.pk)) if homes else home) for entity in our_entities(connection)]
    return [(entity, currency) for entity, currency in theirs if currency and currency != entity.base_currency]


class DefaultCustomer(NamedTuple):
    """A customer of the ERP for receivable lines: the connection's, or a further subsidiary's for one entity's books."""

    entity_id: int | None
    name: str
    subsidiary: str


def default_customers(connection: Connection) -> list[DefaultCustomer]:
    """Give the customers that receivable lines need: one, and one for each further subsidiary (a customer belongs to one)."""
    rows = Mapping.objects.filter(connection=connection, kind=MappingKind.SUBSIDIARY)
    subsidiaries = dict(rows.values_list("internal_id", "external_id"))
    entities = our_entities(connection)
    wanted = [DefaultCustomer(None, "", subsidiaries.get(entities[0].pk, "") if entities else "")]
    for entity in entities[1:]:
        subsidiary = subsidiaries.get(entity.pk, "")
        if subsidiary and subsidiary not in {each.subsidiary for each in wanted}:
            wanted.append(DefaultCustomer(entity.pk, entity.name, subsidiary))
    return wanted


def readiness(connection: Connection) -> list[str]:
    """List in words what is missing before everything can be delivered; empty when ready."""
    mapped = Mapping.objects.filter(connection=connection, status=MappingStatus.CONFIRMED)
    accounts = set(mapped.filter(kind=MappingKind.ACCOUNT).values_list("internal_id", flat=True))
    defaults = set(mapped.filter(internal_id=None).values_list("kind", flat=True))
    missing = [] if connection.realm_id else ["Connect to the ERP."]
    missing += [f"Map the account {account}." for account in our_accounts(connection) if account.pk not in accounts]
    if has_subsidiaries(connection):
        done = set(mapped.filter(kind=MappingKind.SUBSIDIARY).values_list("internal_id", flat=True))
        missing += [f"Map the business entity {each}." for each in our_entities(connection) if each.pk not in done]
    missing += [
        f"{entity} keeps its books in {entity.base_currency}, the ERP in {theirs}: connect a company in {entity.base_currency}, "
        "or leave the entity out of what is sent."
        for entity, theirs in _in_other_currencies(connection)
    ]
    if needs_default_customer(connection) and MappingKind.DEFAULT_CUSTOMER not in defaults:
        missing.append("Choose the ERP's customer for receivable lines.")
    if connection.sync_mode == SyncMode.DOCUMENTS:
        if connection.send_payments and MappingKind.DEPOSIT_ACCOUNT not in defaults:
            missing.append("Choose the ERP's account that payments go to.")
        if base.get(connection.erp).needs_tax_code(Company.from_json(connection.company)):
            coded = set(mapped.filter(kind=MappingKind.TAX_CODE).values_list("internal_id", flat=True))
            missing += [f"Map the tax rate {each}." for each in TaxRate.objects.order_by("id") if each.pk not in coded]
        if not connection.company.get("own_numbers", True):
            missing.append("Switch on 'Custom transaction numbers' in the ERP's sales settings.")
    return missing
