"""The API's addresses, module by module."""

from collections.abc import Callable

from integrations.sandbox.messages import Json
from integrations.sandbox.zoho import answers, facts, fields, journals, lists, masters, payments, sales, upserts
from integrations.sandbox.zoho.errors import ZohoError, invalid
from integrations.sandbox.zoho.organization import Organization
from integrations.sandbox.zoho.routing import (
    SCOPES,
    Answer,
    Asked,
    Run,
    Save,
    creating,
    deleting,
    doing,
    listing,
    reading,
    route,
    said,
    updating,
    upserting,
)
from integrations.sandbox.zoho.store import MODULES

_FLAG = "ignore_auto_number_generation"
_PUBLISHED_AT_ONCE = 10  # By the contract.
_SINGULAR = {"invoices": "invoice", "items": "item", "customerpayments": "customerpayment"}


def _own_number(asked: Asked, body: Json) -> bool:
    in_body = bool(body.pop(_FLAG, False))
    if "x-unique-identifier-key" in asked.headers and asked.org.preferences["UpsertNumbers"] == "free":
        if _FLAG in asked.params:  # By the contract it belongs to creating and to updating by id.
            raise invalid(_FLAG)
        return True
    return asked.flag(_FLAG) or in_body


def _save_sale(path: str) -> Save:
    def save(asked: Asked, body: Json, old: Json | None) -> Json:
        own_number = _own_number(asked, body)
        if not own_number and asked.org.preferences["UpsertNumbers"] == "own":
            body.pop(sales.NUMBERS[path][0], None)
        return sales.save(asked.org, path, body, old, own_number=own_number)

    return save


def _in_bulk(
    words: str, name: str, do: Callable[[Organization, list[str]], None], *, most: int = lists.LARGEST_PAGE
) -> Run:
    """Answer by doing something to many records: to all or none, or by preference to those that can take it."""

    def run(asked: Asked) -> Answer:
        ids = asked.ids(name, most)
        errors: list[Json] = []
        for some in [[each] for each in ids] if asked.org.preferences["BulkInPart"] else [ids]:
            try:
                do(asked.org, some)
            except ZohoError as error:
                if not asked.org.preferences["BulkInPart"]:
                    raise
                errors.append({**error.body(), "ids": some})
        return 200, said(words, **({"errors": errors} if errors else {}))

    return run


def _masters(path: str, shape: str, save: Callable[[Organization, Json, Json | None], Json]) -> None:
    module = SCOPES[path]
    keep: Save = lambda asked, body, old: save(asked.org, body, old)  # noqa: E731 — a name for a small adapter
    label = MODULES[path].label
    route("GET", f"/{path}", module, f"list {label}", listing(path), None)
    route("POST", f"/{path}", module, f"create {label}", creating(path, shape, keep))
    route("GET", f"/{path}/{{id}}", module, f"read {label}", reading(path))
    route("PUT", f"/{path}/{{id}}", module, f"update {label}", updating(path, shape, keep))
    for word, active in (("active", True), ("inactive", False)):
        route(
            "POST",
            f"/{path}/{{id}}/{word}",
            module,
            f"mark {label} {word}",
            doing(
                f"Marked as {word}.",
                lambda asked, active=active: masters.set_active(  # type: ignore[misc]
                    asked.org, path, asked.parts[0], active=active
                ),
            ),
        )
    if path in facts.UNIQUE_FIELDS["modules"]:
        route("PUT", f"/{path}", module, f"upsert {label}", upserting(path, shape, keep))


def _documents(
    path: str, shape: str, keep: Save, delete: Callable[[Organization, Json], None], *, changes: str = ""
) -> None:
    module, label = SCOPES[path], MODULES[path].label
    numbered = (_FLAG,) if path in ("invoices", "creditnotes") else ()
    route("GET", f"/{path}", module, f"list {label}", listing(path), None)
    route("POST", f"/{path}", module, f"create {label}", creating(path, shape, keep), numbered)
    route("GET", f"/{path}/{{id}}", module, f"read {label}", reading(path))
    route("PUT", f"/{path}/{{id}}", module, f"update {label}", updating(path, changes or shape, keep), numbered)
    route("DELETE", f"/{path}/{{id}}", module, f"delete {label}", deleting(path, delete))
    if path in facts.UNIQUE_FIELDS["modules"]:
        route("PUT", f"/{path}", module, f"upsert {label}", upserting(path, shape, keep), numbered)


def _journals() -> None:
    keep: Save = lambda asked, body, old: journals.save(asked.org, body, old)  # noqa: E731
    _documents("journals", "journal", keep, journals.delete, changes="journal_change")
    words = "The selected journals have been published."
    route(
        "POST",
        "/journals/{id}/status/publish",
        "accountants",
        "publish Journal",
        doing("The journal has been published.", lambda asked: journals.publish(asked.org, asked.parts[0]), 201),
    )
    route(
        "POST",
        "/journals/status/publish",
        "accountants",
        "publish Journals",
        _in_bulk(words, "journal_ids", journals.publish_all, most=_PUBLISHED_AT_ONCE),
        ("journal_ids",),
    )
    route(
        "POST",
        "/journals/{id}/reverse",
        "accountants",
        "reverse Journal",
        answers.reverse,
        ("reversal_date", "is_reversal_scheduled"),
    )


def _sales() -> None:
    for path, shape in (("invoices", "invoice"), ("creditnotes", "creditnote")):
        _documents(path, shape, _save_sale(path), lambda org, record, path=path: sales.delete(org, path, record))  # type: ignore[misc]
        states = ("sent", "void", "draft") if path == "invoices" else ("open", "void", "draft")
        for status in states:
            route(
                "POST",
                f"/{path}/{{id}}/status/{status}",
                SCOPES[path],
                f"mark {MODULES[path].label} {status}",
                doing(
                    "The status has been changed.",
                    lambda asked, path=path, status=status: sales.mark(  # type: ignore[misc]
                        asked.org, path, asked.parts[0], status
                    ),
                ),
            )
    route(
        "POST",
        "/invoices/status/sent",
        "invoices",
        "mark Invoices sent",
        _in_bulk("The invoices have been marked as sent.", "invoice_ids", sales.mark_sent_all),
        ("invoice_ids",),
    )
    route("GET", "/invoices/{id}/payments", "invoices", "list Payments of an invoice", answers.payments_of)
    route("GET", "/creditnotes/{id}/invoices", "creditnotes", "list Credits applied", answers.credited)
    route(
        "POST",
        "/creditnotes/{id}/invoices",
        "creditnotes",
        "apply Credit note",
        doing(
            "Credits have been applied to the invoice(s).",
            lambda asked: sales.apply_credits(
                asked.org, asked.parts[0], fields.check("credit_to_invoices", asked.body)
            ),
        ),
    )
    route(
        "DELETE",
        "/creditnotes/{id}/invoices/{id}",
        "creditnotes",
        "unapply Credit note",
        doing(
            "Credits applied to an invoice have been deleted.",
            lambda asked: sales.unapply_credits(asked.org, asked.parts[0], asked.parts[1]),
        ),
    )


def _payments() -> None:
    _documents(
        "customerpayments",
        "customerpayment",
        lambda asked, body, old: payments.save(asked.org, body, old),
        payments.delete,
    )
    for path, kind, shape, single in (
        ("customerpayments", "paymentrefunds", "refund", "payment_refunds"),
        ("creditnotes", "creditnoterefunds", "creditnote_refund", "creditnote_refund"),
    ):
        module, label = SCOPES[path], MODULES[kind].label
        route("POST", f"/{path}/{{id}}/refunds", module, f"create {label}", answers.refunding(path, shape, single))
        route(
            "GET",
            f"/{path}/{{id}}/refunds",
            module,
            f"list {label}",
            answers.refunds_of(path, kind),
            ("page", "per_page"),
        )
        route(
            "GET",
            f"/{path}/{{id}}/refunds/{{id}}",
            module,
            f"read {label}",
            answers.one_refund(path, kind, single),
        )
        route(
            "DELETE", f"/{path}/{{id}}/refunds/{{id}}", module, f"delete {label}", answers.deleting_refund(path, kind)
        )
    route(
        "GET",
        "/creditnotes/refunds",
        "creditnotes",
        "list Credit note refund",
        answers.all_refunds,
        ("page", "per_page"),
    )
    for path, singular in _SINGULAR.items():
        route(
            "PUT",
            f"/{singular}/{{id}}/customfields",
            SCOPES[path],
            f"set fields of {MODULES[path].label}",
            doing(
                "Custom Fields Updated Successfully",
                lambda asked, path=path: upserts.set_fields(  # type: ignore[misc]
                    asked.org, path, asked.parts[0], asked.body
                ),
            ),
        )


def _money() -> None:
    for path, shape, save in (
        ("expenses", "expense", payments.save_expense),
        ("banktransactions", "banktransaction", payments.save_bank_transaction),
    ):
        keep: Save = lambda asked, body, old, save=save: save(asked.org, body, old)  # type: ignore[misc]  # noqa: E731
        _documents(path, shape, keep, lambda org, record, path=path: payments.delete_moved(org, path, record))  # type: ignore[misc]


def _settings() -> None:
    for path, shape, save in (("taxes", "tax", masters.save_tax), ("currencies", "currency", masters.save_currency)):
        keep: Save = lambda asked, body, old, save=save: save(asked.org, body, old)  # type: ignore[misc]  # noqa: E731
        route("GET", f"/settings/{path}", "settings", f"list {MODULES[path].label}", listing(path), None)
        route("POST", f"/settings/{path}", "settings", f"create {MODULES[path].label}", creating(path, shape, keep))
        route("GET", f"/settings/{path}/{{id}}", "settings", f"read {MODULES[path].label}", reading(path))
        route(
            "PUT", f"/settings/{path}/{{id}}", "settings", f"update {MODULES[path].label}", updating(path, shape, keep)
        )
    route(
        "POST",
        "/settings/currencies/{id}/exchangerates",
        "settings",
        "create Exchange rate",
        lambda asked: (
            201,
            said(
                "The exchange rate has been added.",
                exchange_rate=masters.add_exchange_rate(asked.org, asked.parts[0], asked.body),
            ),
        ),
    )
    route("GET", "/reportingtags", "settings", "list Reporting tag", answers.tags, ("page", "per_page"))
    route(
        "GET",
        "/reportingtags/{id}/options/all",
        "settings",
        "list Tag option",
        answers.tag_options,
        ("page", "per_page"),
    )
    route("GET", "/locations", "settings", "list Location", answers.locations)
    route("GET", "/transactionlock", "accountants", "read Lock", answers.one_lock)
    route("GET", "/transactionlocks", "accountants", "list Lock", answers.locks, ("page", "per_page", "lock_scope"))
    route("GET", "/organizations", "settings", "list Organization", answers.organizations)
    route("GET", "/organizations/{id}", "settings", "read Organization", answers.one_organization)
    route(
        "GET",
        "/chartofaccounts/accounttransactions",
        "accountants",
        "list Account transaction",
        answers.transactions,
        ("account_id", "transaction_type", "date", "date_start", "date_end", "filter_by", "page", "per_page"),
    )

    route(
        "GET",
        "/registers/{id}/transactions",
        "accountants",
        "list Register transaction",
        answers.register,
        ("filter_by", "from_date", "to_date", "page", "per_page"),
    )


def serve_all() -> None:
    """Serve every address that the sandbox knows."""
    _masters("chartofaccounts", "chartofaccount", masters.save_account)
    _masters("contacts", "contact", masters.save_contact)
    _masters("items", "item", masters.save_item)
    _journals()
    _sales()
    _payments()
    _money()
    _settings()
