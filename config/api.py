"""The root of the REST API: every resource under /api/v1/, its document and its browsable page."""

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework import exceptions, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from accounting.api.accounts import Accounts
from accounting.api.exchange_rates import ExchangeRates
from accounting.api.journal_entries import JournalEntries
from accounting.api.manual_entries import ManualEntries
from accounting.api.periods import Periods
from accounting.api.reports import report_urls
from accounting.api.revenue import ContractRevenue, ContractWhatIf, RevenueSchedules
from accounting.books import BooksNotSetUp
from accounting.by_hand import AlreadyReversed
from accounting.closing import CloseRefused
from accounting.currency.rates import MissingRate
from accounting.defaults import RoleWithoutAccount
from accounting.manual_entries import ManualEntryError
from accounting.periods import PeriodError
from accounting.reversing import ReversalRefused
from billing.api.catalog import Prices, ProductFamilies, Products, TaxRates
from billing.api.contracts import Contracts
from billing.api.credit_notes import CreditNotes
from billing.api.customers import Customers
from billing.api.errors import answer_refusal
from billing.api.events import BusinessEvents
from billing.api.gateways import PaymentGateways, Payouts
from billing.api.invoices import Invoices
from billing.api.payments import Payments
from billing.api.prepaid import CreditUses
from billing.api.returned import Disputes, Refunds
from billing.api.usage import Usage
from billing.api.wallets import WalletEntries, Wallets
from billing.api.write_offs import WriteOffs

# What the books may object to while billing works; billing itself does not know that there are books.
answer_refusal(MissingRate, status=status.HTTP_422_UNPROCESSABLE_ENTITY, code="missing_rate")
answer_refusal(RoleWithoutAccount, status=status.HTTP_409_CONFLICT, code="role_without_account")
answer_refusal(CloseRefused, status=status.HTTP_409_CONFLICT, code="close_refused")
answer_refusal(ManualEntryError, status=status.HTTP_422_UNPROCESSABLE_ENTITY, code="entry_refused")
answer_refusal(AlreadyReversed, status=status.HTTP_409_CONFLICT, code="already_reversed")
answer_refusal(ReversalRefused, status=status.HTTP_422_UNPROCESSABLE_ENTITY, code="reversal_refused")
answer_refusal(PeriodError, status=status.HTTP_409_CONFLICT, code="wrong_period")
answer_refusal(BooksNotSetUp, status=status.HTTP_409_CONFLICT, code="books_not_set_up")

_router = SimpleRouter()
_router.trailing_slash = "/?"
for _prefix, _view in {
    "customers": Customers,
    "product-families": ProductFamilies,
    "products": Products,
    "prices": Prices,
    "tax-rates": TaxRates,
    "contracts": Contracts,
    "usage": Usage,
    "invoices": Invoices,
    "credit-notes": CreditNotes,
    "payments": Payments,
    "payment-gateways": PaymentGateways,
    "payouts": Payouts,
    "disputes": Disputes,
    "refunds": Refunds,
    "wallets": Wallets,
    "wallet-entries": WalletEntries,
    "write-offs": WriteOffs,
    "credit-uses": CreditUses,
    "business-events": BusinessEvents,
    "accounts": Accounts,
    "journal-entries": JournalEntries,
    "manual-entries": ManualEntries,
    "periods": Periods,
    "exchange-rates": ExchangeRates,
    "revenue-schedules": RevenueSchedules,
}.items():
    _router.register(_prefix, _view, basename=_prefix)


class NoSuchAddress(APIView):
    """Answer an address that leads nowhere in the shape of every other error."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    schema = None

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        raise exceptions.NotFound("There is no such address; see /api/v1/docs/.")


_v1: list[URLPattern | URLResolver] = [
    *_router.urls,
    re_path("^contracts/(?P<pk>[0-9]{1,18})/revenue/?$", ContractRevenue.as_view(), name="contract-revenue"),
    re_path("^contracts/(?P<pk>[0-9]{1,18})/what-if/?$", ContractWhatIf.as_view(), name="contract-what-if"),
    *report_urls(),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="api:schema"), name="docs"),
    re_path("", NoSuchAddress.as_view()),
]

urlpatterns: list[URLPattern | URLResolver] = [path("v1/", include((_v1, "api")))]
