"""Every page of every registered admin: 200 for whoever may, 403 otherwise; and nothing of another company."""

import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from accounting.models import Account, JournalEntry
from accounting.setup import set_up_books
from billing.clock import today
from billing.models import BusinessEntity, Contract, Customer, Invoice, Membership, Product, Role, Tenant
from billing.services.invoices import finalize_invoices
from billing.services.one_off import NewLine, draft_invoice
from billing.services.tenants import add_business_entity, create_tenant
from billing.tenancy import TenantModel, tenant_scope
from tests.company import make_company

ONLY_ADMINISTRATORS = {"membership", "apikey"}
# Role → pages that are nobody's below it.
PAGES_BY_ROLE = {
    "run_billing": Role.FINANCE,
    "import_contracts": Role.FINANCE,
    "recognize_revenue": Role.ACCOUNTANT,
    "trial_balance": Role.VIEWER,
    "general_ledger": Role.VIEWER,
    "which_account": Role.VIEWER,
}
ORDER = [Role.VIEWER, Role.FINANCE, Role.ACCOUNTANT, Role.ADMIN]


def our_admins() -> list[admin.ModelAdmin]:
    apps = {"billing", "accounting"}
    return [each for model, each in admin.site._registry.items() if model._meta.app_label in apps]


@pytest.mark.parametrize("role", ORDER)
def test_every_page_answers_whoever_may_see_it(role: str, sign_in: Callable[[str], Client], story: Contract) -> None:
    client = sign_in(role)
    for page in our_admins():
        opts = page.opts
        expected = 200 if opts.model_name not in ONLY_ADMINISTRATORS or role == Role.ADMIN else 403
        name = f"admin:{opts.app_label}_{opts.model_name}"
        assert client.get(reverse(f"{name}_changelist")).status_code == expected, opts.model_name
        first = page.model._default_manager.first()
        if first is not None:
            assert client.get(reverse(f"{name}_change", args=[first.pk])).status_code == expected, opts.model_name
    for name, least in PAGES_BY_ROLE.items():
        expected = 200 if ORDER.index(role) >= ORDER.index(least) else 403
        assert client.get(reverse(f"admin:{name}")).status_code == expected, name
    assert client.get(reverse("admin:index")).status_code == 200


def test_add_and_edit_pages_open_for_the_roles_that_change(story: Contract, sign_in: Callable[[str], Client]) -> None:
    clients = {role: sign_in(role) for role in ORDER}
    for page in our_admins():
        add = reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_add")
        for role, client in clients.items():
            may = page.add_role is not None and ORDER.index(role) >= ORDER.index(page.add_role)
            assert client.get(add).status_code == (200 if may else 403), (page.opts.model_name, role)


def test_a_viewer_is_shown_no_buttons_and_can_do_nothing(viewer: Client, draft: Invoice) -> None:
    page = viewer.get(reverse("admin:billing_invoice_change", args=[draft.pk])).content.decode()
    assert reverse("admin:billing_invoice_finalize", args=[draft.pk]) not in page
    assert viewer.post(reverse("admin:billing_invoice_finalize", args=[draft.pk])).status_code == 403
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_companies_are_walls(story: Contract, sign_in: Callable[[str], Client]) -> None:
    mine = {
        each.model: each.model._default_manager.first() for each in our_admins() if issubclass(each.model, TenantModel)
    }
    other = make_company("other", currency="EUR")
    user = get_user_model().objects.create_user(username="stranger", password="x", is_staff=True)
    Membership.objects.create(tenant=other, user=user, role=Role.ADMIN)
    stranger = Client()
    stranger.force_login(user)
    for model, row in mine.items():
        if row is None:
            continue
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk])
        answer = stranger.get(url)  # Editable rows that are not found lead back to the home page, as Django does it.
        assert answer.status_code == 404 or answer.url == reverse("admin:index"), model
    for name in ("customer", "invoice", "contract", "membership"):
        listed = stranger.get(reverse(f"admin:billing_{name}_changelist")).content.decode()
        assert "Globex" not in listed
        assert "K-1" not in listed
    sign_in(Role.ADMIN)
    assert "admin-person" not in stranger.get(reverse("admin:billing_membership_changelist")).content.decode()
    ours = Membership.objects.get(user__username="admin-person")
    assert stranger.get(reverse("admin:billing_membership_change", args=[ours.pk])).status_code == 404
    choices = stranger.get(reverse("admin:autocomplete"), {
        "app_label": "billing", "model_name": "contract", "field_name": "customer", "term": "",
    })  # fmt: skip
    assert choices.json()["results"] == []


def test_the_session_decides_between_the_companies_of_one_person(tenant: Tenant, customer: Customer) -> None:
    other = create_tenant(slug="other", name="Other Ltd", currency="EUR")
    user = get_user_model().objects.create_user(username="both", password="x", is_staff=True)
    Membership.objects.create(tenant=tenant, user=user, role=Role.VIEWER)
    Membership.objects.create(tenant=other, user=user, role=Role.FINANCE)
    client = Client()
    client.force_login(user)
    customers = reverse("admin:billing_customer_changelist")
    assert "Globex" in client.get(customers).content.decode()
    assert client.get(reverse("admin:run_billing")).status_code == 403
    assert client.post(reverse("switch_company"), {"company": other.pk}).status_code == 302
    assert "Globex" not in client.get(customers).content.decode()
    assert client.get(reverse("admin:run_billing")).status_code == 200
    elsewhere = create_tenant(slug="third", name="Third", currency="EUR")
    assert client.post(reverse("switch_company"), {"company": elsewhere.pk}).status_code == 403
    assert client.get(reverse("switch_company")).status_code == 405


def test_without_a_company_the_page_says_what_to_do(db: None) -> None:
    client = Client()
    client.force_login(get_user_model().objects.create_user(username="nobody", password="x", is_staff=True))
    answer = client.get(reverse("admin:billing_invoice_changelist"))
    assert answer.status_code == 403
    assert "no company has given you a role" in " ".join(answer.content.decode().split())


def test_users_of_all_companies_are_the_operators_business(administrator: Client, tenant: Tenant) -> None:
    users = reverse("admin:auth_user_changelist")
    assert administrator.get(users).status_code == 403
    operator = Client()
    operator.force_login(get_user_model().objects.create_superuser(username="operator", password="x"))
    assert operator.get(users).status_code == 200


def test_drill_down_from_the_trial_balance_to_the_invoice(accountant: Client, story: Contract) -> None:
    receivable = Account.objects.get(code="1110")
    page = accountant.get(reverse("admin:trial_balance"), {"at": "2026-03-31"}).content.decode()
    asked = f"business_entity=main&amp;account={receivable.code}&amp;from=2026-01-01&amp;to=2026-03-31"
    ledger = f"{reverse('admin:general_ledger')}?{asked}"
    assert ledger in page
    assert "Proved" in page
    lines = accountant.get(ledger.replace("&amp;", "&")).content.decode()
    entry = JournalEntry.objects.filter(event__kind="invoice_finalized").order_by("id")[0]
    entry_url = reverse("admin:accounting_journalentry_change", args=[entry.pk])
    assert entry_url in lines
    why = accountant.get(entry_url).content.decode()
    invoice = Invoice.objects.get(number="INV-000001")
    assert reverse("admin:billing_invoice_change", args=[invoice.pk]) in why
    assert reverse("admin:billing_businessevent_change", args=[entry.event_id]) in why
    assert "whole company" in why
    back = accountant.get(reverse("admin:billing_invoice_change", args=[invoice.pk])).content.decode()
    assert entry_url in back


@pytest.mark.parametrize("term", ["JE-{id:08d}", "{id}", "INV-000001", "Globex"])
def test_entries_are_found_by_number_invoice_and_customer(term: str, accountant: Client, story: Contract) -> None:
    entry = JournalEntry.objects.filter(event__kind="invoice_finalized").order_by("id")[0]
    found = accountant.get(reverse("admin:accounting_journalentry_changelist"), {"q": term.format(id=entry.pk)})
    assert entry.number in found.content.decode()


def test_an_invoice_is_printed_from_its_page(viewer: Client, draft: Invoice) -> None:
    printed = reverse("admin:billing_invoice_pdf", args=[draft.pk])
    assert printed in viewer.get(reverse("admin:billing_invoice_change", args=[draft.pk])).content.decode()
    answer = viewer.get(printed)
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == 'inline; filename="draft.pdf"'
    assert "DRAFT" in PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
    assert viewer.get(reverse("admin:billing_invoice_pdf", args=[draft.pk + 1])).status_code == 404


def test_what_is_not_there_is_said_without_names_of_classes(administrator: Client, story: Contract) -> None:
    page = administrator.get("/admin/nonsense/")
    assert page.status_code == 404
    assert "Http404" not in page.content.decode() and "Resolver404" not in page.content.decode()
    gone = administrator.get(reverse("admin:billing_invoice_change", args=[99_999])).content.decode()
    assert "There is no such invoice in this company." in gone


def test_a_form_that_went_stale_says_what_to_do(story: Contract, tenant: Tenant) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post(reverse("admin:login"), {"username": "x", "password": "y"})
    assert answer.status_code == 403
    assert "Nothing was saved" in answer.content.decode()


def test_who_signs_in_comes_home(story: Contract, tenant: Tenant) -> None:
    user = get_user_model().objects.create_user(username="ann", password="quiet-harbour-9", is_staff=True)
    Membership.objects.create(tenant=tenant, user=user, role="viewer")
    client = Client()
    answer = client.post(reverse("admin:login"), {"username": "ann", "password": "quiet-harbour-9"}, follow=True)
    assert answer.status_code == 200 and answer.redirect_chain == [(reverse("admin:index"), 302)]


def test_the_home_page_leads_from_a_month_to_its_invoices(viewer: Client, story: Contract) -> None:
    page = viewer.get(reverse("admin:index"))
    invoiced = str(page.context["months"].rows[-1][2])
    report = viewer.get(invoiced.split('href="')[1].split('"')[0].replace("&amp;", "&"))
    net = report.context["tables"][0].foot[-3].shown
    assert str(net) in invoiced
    recognized = str(page.context["months"].rows[-1][3])
    lines = viewer.get(recognized.split('href="')[1].split('"')[0].replace("&amp;", "&"))
    assert 'class="cf-amount">100.00</span>' in recognized
    assert [str(cell.shown) for cell in lines.context["tables"][0].foot[-2:]] == [
        '<span class="cf-amount">0.00</span>', '<span class="cf-amount">100.00</span>'
    ]  # fmt: skip


def test_whoever_opens_the_sign_in_page_itself_lands_on_the_home_page(tenant: Tenant) -> None:
    user = get_user_model().objects.create_user(username="ann", password="quiet-harbour-9", is_staff=True)
    Membership.objects.create(tenant=tenant, user=user, role=Role.VIEWER)
    answer = Client().post(reverse("admin:login"), {"username": "ann", "password": "quiet-harbour-9"})
    assert answer.headers["Location"] == reverse("admin:index")


def test_a_search_without_an_answer_says_so(viewer: Client, story: Contract) -> None:
    page = viewer.get(reverse("admin:billing_invoice_changelist"), {"q": "zzzz"}).content.decode()
    assert "No invoices answer to this search" in page
    assert "Invoices | Counterfoil" in page.split("</title>")[0]


def test_a_long_form_names_at_the_top_what_is_to_be_mended(accountant: Client, story: Contract) -> None:
    page = accountant.post(reverse("admin:modify_contract", args=[story.pk]), {}).content.decode()
    assert "Please mend what is marked below:" in page
    assert '<a class="cf-link" href="#id_reason">' in page.split('class="cf-form"')[0]


def test_overdue_is_by_the_day_of_the_business_entity(viewer: Client, tenant: Tenant) -> None:
    # Kiritimati is 25 hours before Pago Pago: what was due yesterday there is never overdue here yet.
    for code, zone in (("kiritimati", "Pacific/Kiritimati"), ("pago", "Pacific/Pago_Pago")):
        entity = add_business_entity(tenant=tenant, code=code, name=code.title(), currency="USD", time_zone=zone)
        set_up_books(business_entity=entity)
        customer = Customer.objects.create(business_entity=entity, external_id=code, name=code, currency="USD")
        product = Product.objects.create(code=code, name=code)
        line = NewLine(product=product, unit_amount=Decimal(70))
        due = today(BusinessEntity.objects.get(code="kiritimati")) - timedelta(days=1)
        drafted = draft_invoice(customer_id=customer.pk, issued_on=due, lines=[line])
        Invoice.objects.filter(pk=drafted.pk).update(due_on=due)
        finalize_invoices([drafted.pk])
        assert Invoice.objects.get(pk=drafted.pk).due_on == due
    late = viewer.get(reverse("admin:billing_invoice_changelist"), {"due": "overdue"})
    assert [str(each.business_entity) for each in late.context["cl"].result_list] == ["Kiritimati"]
    for invoice in Invoice.objects.select_related("business_entity"):
        page = viewer.get(reverse("admin:billing_invoice_change", args=[invoice.pk])).content.decode()
        assert ("Overdue" in page) == (invoice.business_entity.code == "kiritimati")
    card = next(each for each in viewer.get(reverse("admin:index")).context["cards"] if each.title == "Overdue")
    assert (card.value, card.detail) == ("70.00 USD", "70.00 USD up to 30 days")


def test_the_home_page_tells_business_entities_apart(viewer: Client, tenant: Tenant) -> None:
    for code, amount in (("east", 40), ("west", 50)):
        entity = add_business_entity(tenant=tenant, code=code, name=code.title(), currency="USD")
        set_up_books(business_entity=entity)
        customer = Customer.objects.create(business_entity=entity, external_id=code, name=code, currency="USD")
        line = NewLine(product=Product.objects.create(code=code, name=code), unit_amount=Decimal(amount))
        finalize_invoices([draft_invoice(customer_id=customer.pk, issued_on=today(), lines=[line]).pk])
    page = viewer.get(reverse("admin:index"))
    rows = page.context["months"].rows
    assert [(row[1], unlinked(row[3])) for row in rows] == [("East", "40.00"), ("West", "50.00")]
    for row, net in zip(rows, ("40.00", "50.00"), strict=True):
        report = viewer.get(str(row[3]).split('href="')[1].split('"')[0].replace("&amp;", "&"))
        assert unlinked(report.context["tables"][0].foot[-3].shown) == net
    assert Decimal(json.loads(page.context["chart"])["datasets"][0]["data"][0]) == Decimal(90)


def unlinked(cell: object) -> str:
    return re.sub("<[^>]*>", "", str(cell))


def test_who_runs_the_installation_makes_the_first_company_and_sees_what_comes_next(db: None) -> None:
    operator = Client()
    operator.force_login(get_user_model().objects.create_superuser(username="operator", password="x"))
    form = operator.get(reverse("admin:index"), follow=True)
    assert "Make the company" in form.content.decode()
    given = {"name": "Acme Inc", "slug": "acme inc", "currency": "USD", "time_zone": "UTC", "contract_start": "memo"}
    refused = operator.post(reverse("new_company"), given).content.decode()
    assert "Nothing was changed" in refused and not Tenant.objects.exists()
    home = operator.post(reverse("new_company"), given | {"slug": "acme"}, follow=True).content.decode()
    assert "Acme Inc has its chart of accounts" in home and "First steps" in home and ">Done<" not in home
    company = Tenant.objects.get(slug="acme")
    with tenant_scope(company.pk):
        entity = BusinessEntity.objects.get()
        assert (entity.base_currency, entity.name) == ("USD", "Acme Inc")
        Product.objects.create(code="pro", name="Pro plan")
        Customer.objects.create(business_entity=entity, external_id="C-1", name="Globex", currency="USD")
    assert operator.get(reverse("admin:index")).content.decode().count(">Done<") == 2
    again = operator.post(reverse("new_company"), given | {"slug": "acme"}).content.decode()
    assert "There is a company “acme” already" in again and Tenant.objects.count() == 1
    link = f'href="{reverse("new_company")}"'
    assert link in operator.get(reverse("admin:billing_businessentity_changelist")).content.decode()


def test_nobody_else_makes_a_company(administrator: Client) -> None:
    assert administrator.get(reverse("new_company")).status_code == 403
    assert administrator.post(reverse("new_company"), {"name": "X", "slug": "x", "currency": "USD"}).status_code == 403
    listed = administrator.get(reverse("admin:billing_businessentity_changelist")).content.decode()
    assert "New company" not in listed


def test_a_company_with_invoices_sees_no_first_steps(administrator: Client, story: Contract) -> None:
    assert "First steps" not in administrator.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize(
    ("cause", "code", "words"),
    [
        (psycopg.OperationalError("connection refused"), 503, "The database does not answer"),
        (psycopg.errors.DiskFull("No space left on device"), 503, "The database does not answer"),
        (psycopg.errors.TooManyConnections("sorry"), 503, "The database does not answer"),
        (psycopg.errors.AdminShutdown("going down"), 503, "The database does not answer"),
        (psycopg.errors.QueryCanceled("took too long"), 500, "Something went wrong"),
    ],
)
def test_a_database_that_is_away_is_not_called_a_fault_of_ours(
    administrator: Client, monkeypatch: pytest.MonkeyPatch, cause: Exception, code: int, words: str
) -> None:
    def fails(*arguments: object, **options: object) -> None:
        raise OperationalError(str(cause)) from cause

    administrator.raise_request_exception = False
    monkeypatch.setattr("config.middleware.work_out_access", fails)
    answer = administrator.get(reverse("admin:index"))
    assert (answer.status_code, words in answer.content.decode()) == (code, True)
    assert str(cause) not in answer.content.decode()
