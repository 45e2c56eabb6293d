"""The API's addresses: what each does, and which scope it needs."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.sandbox.messages import Json
from integrations.sandbox.zoho import facts, fields, journals, lists, masters, payments, sales, upserts
from integrations.sandbox.zoho.errors import gone, invalid, missing
from integrations.sandbox.zoho.organization import Organization
from integrations.sandbox.zoho.store import MODULES


@dataclass(frozen=True)
class Asked:
    """One call: the organisation, what the address holds, and what was sent."""

    org: Organization
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    parts: tuple[str, ...] = ()

    def flag(self, name: str) -> bool:
        """Read a parameter that is true or false. Raises ZohoError."""
        value = self.params.get(name, "false")
        if value not in ("true", "false"):
            raise invalid(name)
        return value == "true"

    def ids(self, name: str) -> list[str]:
        """Read a parameter of up to 200 ids. Raises ZohoError."""
        found = [each for each in self.params.get(name, "").split(",") if each]
        if not found:
            raise missing(name)
        if len(found) > lists.LARGEST_PAGE:
            raise invalid(name)
        return found


@dataclass(frozen=True)
class Route:
    """A method and address; `kind` is how the call is counted, `takes` the query parameters it knows (None: any list's)."""

    method: str
    pattern: re.Pattern[str]
    scope: str
    kind: str
    run: Callable[[Asked], tuple[int, Json]]
    takes: tuple[str, ...] | None = field(default=())


ROUTES: list[Route] = []
_VERBS = {"GET": "READ", "POST": "CREATE", "PUT": "UPDATE", "DELETE": "DELETE"}
_SCOPES = {
    "chartofaccounts": "accountants",
    "journals": "accountants",
    "invoices": "invoices",
    "creditnotes": "creditnotes",
    "customerpayments": "customerpayments",
    "contacts": "contacts",
    "items": "settings",
}
_SINGULAR = {"invoices": "invoice", "items": "item", "customerpayments": "customerpayment"}


def _route(
    method: str,
    address: str,
    module: str,
    kind: str,
    run: Callable[[Asked], tuple[int, Json]],
    takes: tuple[str, ...] | None = (),
) -> None:
    pattern = re.compile("^" + address.replace("{id}", r"(\d+)") + "$")
    ROUTES.append(Route(method, pattern, f"ZohoBooks.{module}.{_VERBS[method]}", kind, run, takes))


def _said(words: str, **more: Any) -> Json:
    return {"code": 0, "message": words, **more}


def _list(path: str) -> Callable[[Asked], tuple[int, Json]]:
    return lambda asked: (200, _said("success", **lists.answer(asked.org, path, asked.params)))


def _read(path: str) -> Callable[[Asked], tuple[int, Json]]:
    module = MODULES[path]

    def run(asked: Asked) -> tuple[int, Json]:
        record = asked.org.books.need(path, asked.parts[0])
        # The contract shows an account's fields beside code and message.
        return 200, _said("success", **(record if path == "chartofaccounts" else {module.single: record}))

    return run


Save = Callable[[Asked, Json, "Json | None"], Json]


def _create(path: str, shape: str, save: Save) -> Callable[[Asked], tuple[int, Json]]:
    module = MODULES[path]

    def run(asked: Asked) -> tuple[int, Json]:
        record = save(asked, fields.check(shape, asked.body), None)
        return 201, _said(f"The {module.label.lower()} has been created.", **{module.single: record})

    return run


def _update(path: str, shape: str, save: Save) -> Callable[[Asked], tuple[int, Json]]:
    module = MODULES[path]

    def run(asked: Asked) -> tuple[int, Json]:
        record = asked.org.books.need(path, asked.parts[0])
        record = save(asked, fields.check(shape, asked.body), record)
        return 200, _said(f"The {module.label.lower()} has been updated.", **{module.single: record})

    return run


def _upsert(path: str, shape: str, save: Save) -> Callable[[Asked], tuple[int, Json]]:
    module = MODULES[path]

    def run(asked: Asked) -> tuple[int, Json]:
        clean = fields.check(shape, asked.body)
        record, is_new = upserts.run(asked.org, path, asked.headers, lambda old: save(asked, clean, old))
        words = f"The {module.label.lower()} has been {'created' if is_new else 'updated'}."
        return (201 if is_new else 200), _said(words, **{module.single: record})

    return run


def _delete(path: str, delete: Callable[[Organization, Json], None]) -> Callable[[Asked], tuple[int, Json]]:
    def run(asked: Asked) -> tuple[int, Json]:
        delete(asked.org, asked.org.books.need(path, asked.parts[0]))
        return 200, _said(f"The {MODULES[path].label.lower()} has been deleted.")

    return run


def _done(words: str, do: Callable[[Asked], object], status: int = 200) -> Callable[[Asked], tuple[int, Json]]:
    def run(asked: Asked) -> tuple[int, Json]:
        do(asked)
        return status, _said(words)

    return run


def _own_number(asked: Asked, body: Json) -> bool:
    return asked.flag("ignore_auto_number_generation") or bool(body.pop("ignore_auto_number_generation", False))


def _save_sale(path: str) -> Save:
    return lambda asked, body, old: sales.save(asked.org, path, body, old, own_number=_own_number(asked, body))


def _refund(path: str, shape: str, single: str) -> Callable[[Asked], tuple[int, Json]]:
    def run(asked: Asked) -> tuple[int, Json]:
        row = payments.refund(asked.org, path, asked.parts[0], fields.check(shape, asked.body))
        return 200, _said("The amount is refunded successfully.", **{single: row})

    return run


def _refunds_of(path: str, kind: str) -> Callable[[Asked], tuple[int, Json]]:
    def run(asked: Asked) -> tuple[int, Json]:
        asked.org.books.need(path, asked.parts[0])
        rows = [
            row
            for row in asked.org.books.tables[kind].values()
            if row.get(MODULES[path].id) == asked.parts[0]
        ]
        called = "creditnote_refunds" if kind == "creditnoterefunds" else "payment_refunds"
        return 200, _said("success", **lists.page(asked.org, kind, rows, asked.params, called=called))

    return run


def _all_refunds(asked: Asked) -> tuple[int, Json]:
    rows = list(asked.org.books.tables["creditnoterefunds"].values())
    return 200, _said("success", **lists.page(asked.org, "creditnoterefunds", rows, asked.params, called="creditnote_refunds"))


def _delete_refund(path: str, kind: str) -> Callable[[Asked], tuple[int, Json]]:
    def run(asked: Asked) -> tuple[int, Json]:
        payments.delete_refund(asked.org, path, asked.org.books.need(kind, asked.parts[1]))
        return 200, _said("The refund has been successfully deleted.")

    return run


def _credited(asked: Asked) -> tuple[int, Json]:
    note = asked.org.books.need("creditnotes", asked.parts[0])
    return 200, _said("success", invoices_credited=note.get("invoices_credited", []))


def _reverse(asked: Asked) -> tuple[int, Json]:
    if "reversal_date" not in asked.params or "is_reversal_scheduled" not in asked.params:
        raise missing("reversal_date")
    day = fields.read_date(asked.params["reversal_date"], "reversal_date")
    return 200, _said("The journal has been reversed.", journal=journals.reverse(asked.org, asked.parts[0], day))


def _transactions(asked: Asked) -> tuple[int, Json]:
    """The lines of one account, newest first, by the kind of transaction and its date."""
    if "account_id" not in asked.params:
        raise missing("account_id")
    account = asked.org.books.need("chartofaccounts", asked.params["account_id"])
    kinds = {"journals": "journal", "invoices": "invoice", "creditnotes": "credit_notes"}
    kinds |= {"customerpayments": "customer_payment", "creditnoterefunds": "creditnote_refund", "paymentrefunds": "refund"}
    wanted, through = asked.params.get("transaction_type"), asked.params.get("date_end", "9999-12-31")
    rows = []
    for path, record, posting in asked.org.books.postings_on(account["account_id"]):
        day = record.get("journal_date") or record["date"]
        if (wanted and kinds[path] != wanted) or day > through or day < asked.params.get("date_start", ""):
            continue
        is_debit = posting.base > 0
        rows.append(
            {
                "transaction_type": kinds[path],
                "transaction_id": record[MODULES[path].id],
                "transaction_date": day,
                "account_id": account["account_id"],
                "entry_number": record.get("entry_number", ""),
                "reference_number": record["reference_number"],
                "currency_code": record["currency_code"],
                "debit_or_credit": "debit" if is_debit else "credit",
                "debit_amount": abs(posting.amount) if is_debit else "",
                "credit_amount": "" if is_debit else abs(posting.amount),
            }
        )
    return 200, _said("success", **lists.page(asked.org, "transactions", rows, asked.params))


def _lock(org: Organization, module: str) -> Json:
    day = org.locked_through(module)
    return {
        "transaction_lock_id": f"98200000056700{'sa'.index(module[0])}",
        "transaction_lock_status": "enabled" if day else "disabled",
        "transaction_lock_date": day,
        "lock_scope": 1 if module == "sales" else 3,
        "lock_scope_formatted": module.capitalize(),
    }


def _locks(asked: Asked) -> tuple[int, Json]:
    rows = [_lock(asked.org, module) for module in ("sales", "accountant") if asked.org.locked_through(module)]
    return 200, _said("success", **lists.page(asked.org, "locks", rows, asked.params, called="transaction_locks"))


def _one_lock(asked: Asked) -> tuple[int, Json]:
    days = {asked.org.locked_through(module) for module in ("sales", "accountant")}
    day = days.pop() if len(days) == 1 else ""
    lock = {"transaction_lock_status": "enabled" if day else "disabled", "transaction_lock_date": day, "lock_scope": 0}
    return 200, _said("success", transaction_lock=lock)


def _tag_options(asked: Asked) -> tuple[int, Json]:
    tag = asked.org.books.need("reportingtags", asked.parts[0])
    rows = [{**each, "is_active": True} for each in tag["tag_options"]]
    return 200, _said("success", **lists.page(asked.org, "options", rows, asked.params, called="results"))


def _tags(asked: Asked) -> tuple[int, Json]:
    return 200, _said("success", **lists.page(
        asked.org,
        "reportingtags",
        [{name: row[name] for name in ("tag_id", "tag_name", "is_active")} for row in
         asked.org.books.tables["reportingtags"].values()],
        asked.params,
        called="reporting_tags",
    ))


def _organizations(asked: Asked) -> tuple[int, Json]:
    return 200, _said("success", organizations=[_organization(asked.org)])


def _one_organization(asked: Asked) -> tuple[int, Json]:
    if asked.parts[0] != facts.ORGANIZATION_ID:
        raise gone("Organization")
    return 200, _said("success", organization=_organization(asked.org))


def _organization(org: Organization) -> Json:
    currency = org.books.tables["currencies"][org.books.home()]
    shown = {
        name: value
        for name, value in facts.ORGANIZATION.items()
        if name in ("organization_id", "name", "time_zone", "fiscal_year_start_month", "currency_code", "plan_name", "version")
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


def _masters(path: str, shape: str, save: Callable[[Organization, Json, Json | None], Json]) -> None:
    module = _SCOPES[path]
    keep: Save = lambda asked, body, old: save(asked.org, body, old)  # noqa: E731 — a name for a small adapter
    label = MODULES[path].label
    _route("GET", f"/{path}", module, f"list {label}", _list(path), None)
    _route("POST", f"/{path}", module, f"create {label}", _create(path, shape, keep))
    _route("GET", f"/{path}/{{id}}", module, f"read {label}", _read(path))
    _route("PUT", f"/{path}/{{id}}", module, f"update {label}", _update(path, shape, keep))
    for word, active in (("active", True), ("inactive", False)):
        _route(
            "POST",
            f"/{path}/{{id}}/{word}",
            module,
            f"mark {label} {word}",
            _done(f"Marked as {word}.", lambda asked, active=active: masters.set_active(  # type: ignore[misc]
                asked.org, path, asked.parts[0], active=active
            )),
        )
    if path in facts.UNIQUE_FIELDS["modules"]:
        _route("PUT", f"/{path}", module, f"upsert {label}", _upsert(path, shape, keep))


def _documents(path: str, shape: str, keep: Save, delete: Callable[[Organization, Json], None]) -> None:
    module, label = _SCOPES[path], MODULES[path].label
    numbered = ("ignore_auto_number_generation",) if path in ("invoices", "creditnotes") else ()
    _route("GET", f"/{path}", module, f"list {label}", _list(path), None)
    _route("POST", f"/{path}", module, f"create {label}", _create(path, shape, keep), numbered)
    _route("GET", f"/{path}/{{id}}", module, f"read {label}", _read(path))
    _route("PUT", f"/{path}/{{id}}", module, f"update {label}", _update(path, shape, keep), numbered)
    _route("DELETE", f"/{path}/{{id}}", module, f"delete {label}", _delete(path, delete))
    if path in facts.UNIQUE_FIELDS["modules"]:
        _route("PUT", f"/{path}", module, f"upsert {label}", _upsert(path, shape, keep), numbered)


def _journals() -> None:
    _documents("journals", "journal", lambda asked, body, old: journals.save(asked.org, body, old), journals.delete)
    words = "The selected journals have been published."
    _route(
        "POST",
        "/journals/{id}/status/publish",
        "accountants",
        "publish Journal",
        _done("The journal has been published.", lambda asked: journals.publish(asked.org, asked.parts[0]), 201),
    )
    _route(
        "POST",
        "/journals/status/publish",
        "accountants",
        "publish Journals",
        _done(words, lambda asked: journals.publish_all(asked.org, asked.ids("journal_ids"))),
        ("journal_ids",),
    )
    _route("POST", "/journals/{id}/reverse", "accountants", "reverse Journal", _reverse,
           ("reversal_date", "is_reversal_scheduled"))


def _sales() -> None:
    for path, shape in (("invoices", "invoice"), ("creditnotes", "creditnote")):
        _documents(path, shape, _save_sale(path), lambda org, record, path=path: sales.delete(org, path, record))  # type: ignore[misc]
        states = ("sent", "void", "draft") if path == "invoices" else ("open", "void", "draft")
        for status in states:
            _route(
                "POST",
                f"/{path}/{{id}}/status/{status}",
                _SCOPES[path],
                f"mark {MODULES[path].label} {status}",
                _done("The status has been changed.", lambda asked, path=path, status=status: sales.mark(  # type: ignore[misc]
                    asked.org, path, asked.parts[0], status
                )),
            )
    _route(
        "POST",
        "/invoices/status/sent",
        "invoices",
        "mark Invoices sent",
        _done("The invoices have been marked as sent.", lambda asked: sales.mark_sent_all(
            asked.org, asked.ids("invoice_ids")
        )),
        ("invoice_ids",),
    )
    _route("GET", "/creditnotes/{id}/invoices", "creditnotes", "list Credits applied", _credited)
    _route(
        "POST",
        "/creditnotes/{id}/invoices",
        "creditnotes",
        "apply Credit note",
        _done("Credits have been applied to the invoice(s).", lambda asked: sales.apply_credits(
            asked.org, asked.parts[0], fields.check("credit_to_invoices", asked.body)
        )),
    )
    _route(
        "DELETE",
        "/creditnotes/{id}/invoices/{id}",
        "creditnotes",
        "unapply Credit note",
        _done("Credits applied to an invoice have been deleted.", lambda asked: sales.unapply_credits(
            asked.org, asked.parts[0], asked.parts[1]
        )),
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
        module, label = _SCOPES[path], MODULES[kind].label
        _route("POST", f"/{path}/{{id}}/refunds", module, f"create {label}", _refund(path, shape, single))
        _route("GET", f"/{path}/{{id}}/refunds", module, f"list {label}", _refunds_of(path, kind), ("page", "per_page"))
        _route("DELETE", f"/{path}/{{id}}/refunds/{{id}}", module, f"delete {label}", _delete_refund(path, kind))
    _route("GET", "/creditnotes/refunds", "creditnotes", "list Credit note refund", _all_refunds, ("page", "per_page"))
    for path, singular in _SINGULAR.items():
        _route(
            "PUT",
            f"/{singular}/{{id}}/customfields",
            _SCOPES[path],
            f"set fields of {MODULES[path].label}",
            _done("Custom Fields Updated Successfully", lambda asked, path=path: upserts.set_fields(  # type: ignore[misc]
                asked.org, path, asked.parts[0], asked.body
            )),
        )


def _settings() -> None:
    for path, shape, save in (("taxes", "tax", masters.save_tax), ("currencies", "currency", masters.save_currency)):
        keep: Save = lambda asked, body, old, save=save: save(asked.org, body, old)  # type: ignore[misc]  # noqa: E731
        _route("GET", f"/settings/{path}", "settings", f"list {MODULES[path].label}", _list(path), None)
        _route("POST", f"/settings/{path}", "settings", f"create {MODULES[path].label}", _create(path, shape, keep))
        _route("GET", f"/settings/{path}/{{id}}", "settings", f"read {MODULES[path].label}", _read(path))
        _route("PUT", f"/settings/{path}/{{id}}", "settings", f"update {MODULES[path].label}", _update(path, shape, keep))
    _route(
        "POST",
        "/settings/currencies/{id}/exchangerates",
        "settings",
        "create Exchange rate",
        lambda asked: (201, _said("The exchange rate has been added.", exchange_rate=masters.add_exchange_rate(
            asked.org, asked.parts[0], asked.body
        ))),
    )
    _route("GET", "/reportingtags", "settings", "list Reporting tag", _tags, ("page", "per_page"))
    _route("GET", "/reportingtags/{id}/options/all", "settings", "list Tag option", _tag_options, ("page", "per_page"))
    _route("GET", "/locations", "settings", "list Location", _list("locations"), None)
    _route("GET", "/transactionlock", "accountants", "read Lock", _one_lock)
    _route("GET", "/transactionlocks", "accountants", "list Lock", _locks, ("page", "per_page", "lock_scope"))
    _route("GET", "/organizations", "settings", "list Organization", _organizations)
    _route("GET", "/organizations/{id}", "settings", "read Organization", _one_organization)
    _route("GET", "/chartofaccounts/accounttransactions", "accountants", "list Account transaction", _transactions,
           ("account_id", "transaction_type", "date", "date_start", "date_end", "filter_by", "page", "per_page"))


_masters("chartofaccounts", "chartofaccount", masters.save_account)
_masters("contacts", "contact", masters.save_contact)
_masters("items", "item", masters.save_item)
_journals()
_sales()
_payments()
_settings()
