"""Answers that are more than one record or a list of them: refunds, account lines, locks, tags, the organisation."""

from collections import Counter
from collections.abc import Iterator

from integrations.sandbox.messages import Json
from integrations.sandbox.zoho import facts, fields, journals, lists, payments
from integrations.sandbox.zoho.errors import gone, invalid, missing
from integrations.sandbox.zoho.organization import Organization
from integrations.sandbox.zoho.routing import Answer, Asked, Run, said
from integrations.sandbox.zoho.store import MODULES, ZERO, Posting

_KINDS = {
    "journals": "journal",
    "invoices": "invoice",
    "creditnotes": "credit_notes",
    "customerpayments": "customer_payment",
    "creditnoterefunds": "creditnote_refund",
    "paymentrefunds": "refund",
    "expenses": "expense",
    "banktransactions": "deposit",
}


def refunding(path: str, shape: str, single: str) -> Run:
    """Answer by paying money back."""

    def run(asked: Asked) -> Answer:
        row = payments.refund(asked.org, path, asked.parts[0], fields.check(shape, asked.body))
        return 200, said("The amount is refunded successfully.", **{single: row})

    return run


def refunds_of(path: str, kind: str) -> Run:
    """Answer with the refunds of one payment or credit note."""

    def run(asked: Asked) -> Answer:
        asked.org.books.need(path, asked.parts[0])
        rows = [row for row in asked.org.books.tables[kind].values() if row.get(MODULES[path].id) == asked.parts[0]]
        called = "creditnote_refunds" if kind == "creditnoterefunds" else "payment_refunds"
        return 200, said("success", **lists.page(asked.org, kind, lists.shown(kind, rows), asked.params, called=called))

    return run


def payments_of(asked: Asked) -> Answer:
    """Answer with the payments of one invoice: what of each settles it."""
    invoice = asked.org.books.need("invoices", asked.parts[0])
    rows = [
        {
            **{
                name: payment[name]
                for name in ("payment_id", "payment_number", "payment_mode", "date", "reference_number")
            },
            **{name: part[name] for name in ("invoice_payment_id", "invoice_id", "tax_amount_withheld")},
            "description": payment["description"],
            "exchange_rate": payment["exchange_rate"],
            "amount": part["amount_applied"],
            "is_single_invoice_payment": len(payment["invoices"]) == 1,
        }
        for payment in asked.org.books.tables["customerpayments"].values()
        for part in payment["invoices"]
        if part["invoice_id"] == invoice["invoice_id"]
    ]
    return 200, said("success", payments=rows)


def all_refunds(asked: Asked) -> Answer:
    """Answer with the refunds of all credit notes."""
    rows = lists.shown("creditnoterefunds", asked.org.books.tables["creditnoterefunds"].values())
    return 200, said(
        "success", **lists.page(asked.org, "creditnoterefunds", rows, asked.params, called="creditnote_refunds")
    )


def one_refund(path: str, kind: str, single: str) -> Run:
    """Answer with one refund: where the money came from, and at which rate; whose it is stands on what was refunded."""
    hidden = (
        "customer_id",
        "customer_name",
        "currency_id",
        "currency_code",
        "currency_symbol",
        "amount_fcy",
        "amount_bcy",
    )

    def run(asked: Asked) -> Answer:
        row = asked.org.books.need(kind, asked.parts[1])
        if row[MODULES[path].id] != asked.parts[0]:
            raise gone(MODULES[kind].label)
        return 200, said("success", **{single: {name: row[name] for name in row if name not in hidden}})

    return run


def deleting_refund(path: str, kind: str) -> Run:
    """Answer by taking a refund back."""

    def run(asked: Asked) -> Answer:
        payments.delete_refund(asked.org, path, asked.org.books.need(kind, asked.parts[1]))
        return 200, said("The refund has been successfully deleted.")

    return run


def credited(asked: Asked) -> Answer:
    """Answer with what a credit note settles."""
    note = asked.org.books.need("creditnotes", asked.parts[0])
    return 200, said("success", invoices_credited=note.get("invoices_credited", []))


def reverse(asked: Asked) -> Answer:
    """Answer by reversing a journal."""
    if "reversal_date" not in asked.params or "is_reversal_scheduled" not in asked.params:
        raise missing("reversal_date")
    day = fields.read_date(asked.params["reversal_date"], "reversal_date")
    return 200, said("The journal has been reversed.", journal=journals.reverse(asked.org, asked.parts[0], day))


def transactions(asked: Asked) -> Answer:
    """Answer with the lines of one account, by the kind of transaction and its date."""
    if "account_id" not in asked.params:
        raise missing("account_id")
    wanted, params = asked.params.get("transaction_type"), asked.params
    rows = []
    for path, record, posting in _posted(asked, params["account_id"], params.get("date_start"), params.get("date_end")):
        if wanted and _KINDS[path] != wanted:
            continue
        is_debit = posting.base > 0
        rows.append(
            {
                "transaction_type": _KINDS[path],
                "transaction_id": record[MODULES[path].id],
                "transaction_date": record.get("journal_date") or record["date"],
                "account_id": params["account_id"],
                "entry_number": record.get("entry_number", ""),
                "reference_number": record["reference_number"],
                "currency_code": record["currency_code"],
                "debit_or_credit": "debit" if is_debit else "credit",
                "debit_amount": abs(posting.amount) if is_debit else "",
                "credit_amount": "" if is_debit else abs(posting.amount),
            }
        )
    if asked.org.preferences["AccountTransactionsAsCounts"]:
        numbers = Counter(row["transaction_type"] for row in rows)
        told = [{"entity_type": kind, "count": count} for kind, count in numbers.items()]
        return 200, said("success", transaction_list=told)
    return 200, said("success", **lists.page(asked.org, "transactions", rows, asked.params))


def register(asked: Asked) -> Answer:
    """Answer with the lines of one account in the base currency, as its register shows them."""
    if not asked.org.preferences["Registers"]:
        raise gone("Register")
    params = asked.params
    if params.get("filter_by") != "TransactionDate.CustomDate":
        raise invalid("filter_by")
    days = [fields.read_date(params.get(name), name) for name in ("from_date", "to_date")]
    rows = []
    for path, record, posting in _posted(asked, asked.parts[0], *days):
        side = {"debit_amount": ZERO, "credit_amount": ZERO}
        side["debit_amount" if posting.base > 0 else "credit_amount"] = abs(posting.base)
        rows.append(
            {
                "transaction_id": record[MODULES[path].id],
                "transaction_date": record.get("journal_date") or record["date"],
                "transaction_type": _KINDS[path],
                "transaction_type_formatted": MODULES[path].label,
                "account_id": asked.parts[0],
                **side,
            }
        )
    page = lists.page(asked.org, "account_transactions", rows, params)
    context = page.pop("page_context")
    return 200, said("success", register_transactions=page, page_context=context)


def _posted(asked: Asked, account_id: str, start: str | None, end: str | None) -> Iterator[tuple[str, Json, Posting]]:
    account = asked.org.books.need("chartofaccounts", account_id)
    for path, record, posting in asked.org.books.postings_on(account["account_id"]):
        if (start or "") <= (record.get("journal_date") or record["date"]) <= (end or "9999-12-31"):
            yield path, record, posting


def _lock(org: Organization, module: str) -> Json:
    day = org.locked_through(module)
    return {
        "transaction_lock_id": f"98200000056700{'sa'.index(module[0])}",
        "transaction_lock_status": "enabled" if day else "disabled",
        "transaction_lock_date": day,
        "lock_scope": 1 if module == "sales" else 3,
        "lock_scope_formatted": module.capitalize(),
    }


def locks(asked: Asked) -> Answer:
    """Answer with the transaction locks that are on."""
    rows = [_lock(asked.org, module) for module in ("sales", "accountant") if asked.org.locked_through(module)]
    return 200, said("success", **lists.page(asked.org, "locks", rows, asked.params, called="transaction_locks"))


def one_lock(asked: Asked) -> Answer:
    """Answer with the lock of all modules; where they differ there is none."""
    days = {asked.org.locked_through(module) for module in ("sales", "accountant")}
    day = days.pop() if len(days) == 1 else ""
    lock = {"transaction_lock_status": "enabled" if day else "disabled", "transaction_lock_date": day, "lock_scope": 0}
    return 200, said("success", transaction_lock=lock)


def tag_options(asked: Asked) -> Answer:
    """Answer with the options of a reporting tag."""
    tag = asked.org.books.need("reportingtags", asked.parts[0])
    rows = [{**each, "is_active": True} for each in tag["tag_options"]]
    return 200, said("success", **lists.page(asked.org, "options", rows, asked.params, called="results"))


def locations(asked: Asked) -> Answer:
    """Answer with all locations at once: the contract gives this list no pages."""
    return 200, said("success", locations=list(asked.org.books.tables["locations"].values()))


def tags(asked: Asked) -> Answer:
    """Answer with the reporting tags."""
    return 200, said(
        "success",
        **lists.page(
            asked.org,
            "reportingtags",
            [
                {name: row[name] for name in ("tag_id", "tag_name", "is_active")}
                for row in asked.org.books.tables["reportingtags"].values()
            ],
            asked.params,
            called="reporting_tags",
        ),
    )


def organizations(asked: Asked) -> Answer:
    """Answer with the one organisation."""
    return 200, said("success", organizations=[_organization(asked.org)])


def one_organization(asked: Asked) -> Answer:
    """Answer with the organisation of the address."""
    if asked.parts[0] != facts.ORGANIZATION_ID:
        raise gone("Organization")
    return 200, said("success", organization=_organization(asked.org))


def _organization(org: Organization) -> Json:
    currency = org.books.tables["currencies"][org.books.home()]
    shown = {
        name: value
        for name, value in facts.ORGANIZATION.items()
        if name
        in ("organization_id", "name", "time_zone", "fiscal_year_start_month", "currency_code", "plan_name", "version")
    }
    return {
        **shown,
        "is_default_org": True,
        "language_code": "en",
        "currency_id": currency["currency_id"],
        "currency_symbol": currency["currency_symbol"],
        "price_precision": currency["price_precision"],
        "is_org_active": True,
        "address": {"country": facts.ORGANIZATION["country"], "country_code": facts.ORGANIZATION["country_code"]},
    }
