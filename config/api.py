"""The root of the REST API: every resource under /api/v1/, its document and its browsable page."""

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework import exceptions
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from accounting.api.accounts import Accounts
from accounting.api.examples import EXAMPLES
from accounting.api.exchange_rates import ExchangeRates
from accounting.api.journal_entries import JournalEntries
from accounting.api.manual_entries import ManualEntries
from accounting.api.month_end import NetContracts, RecognizeRevenue, RevalueBalances
from accounting.api.periods import Periods
from accounting.api.reports import report_urls
from accounting.api.revenue import ContractRevenue, ContractWhatIf, RevenueSchedules
from accounting.api.which_account import WhichAccount
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
from billing.api.examples import add_examples
from billing.api.gateways import PaymentGateways, Payouts
from billing.api.invoices import Invoices
from billing.api.jobs import Jobs
from billing.api.payments import Payments
from billing.api.prepaid import CreditUses
from billing.api.returned import Disputes, Refunds
from billing.api.usage import Usage
from billing.api.wallets import WalletEntries, Wallets
from billing.api.write_offs import WriteOffs

# What the books may object to while billing works; billing itself does not know that there are books.
for _error, _status, _code, _meaning in (
    (MissingRate, 422, "missing_rate", "there is no exchange rate for the day; import rates"),
    (RoleWithoutAccount, 409, "role_without_account", "the default accounts give no account for what would be posted"),
    (CloseRefused, 409, "close_refused", "a check that blocks closing found something"),
    (ManualEntryError, 422, "entry_refused", "the entry by hand could not be posted"),
    (AlreadyReversed, 409, "already_reversed", "the entry has its reversal already"),
    (ReversalRefused, 422, "reversal_refused", "this entry cannot be reversed on that day"),
    (PeriodError, 409, "wrong_period", "the month is closed, or not in its turn"),
    (BooksNotSetUp, 409, "books_not_set_up", "the business entity has no chart of accounts yet"),
):
    answer_refusal(_error, status=_status, code=_code, meaning=_meaning)

add_examples(EXAMPLES)

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
    "jobs": Jobs,
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
    re_path("^jobs/recognize-revenue/?$", RecognizeRevenue.as_view(), name="recognize-revenue"),
    re_path("^jobs/revalue-balances/?$", RevalueBalances.as_view(), name="revalue-balances"),
    re_path("^jobs/net-contracts/?$", NetContracts.as_view(), name="net-contracts"),
    re_path("^which-account/?$", WhichAccount.as_view(), name="which-account"),
    *report_urls(),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
    re_path("", NoSuchAddress.as_view()),
]

urlpatterns: list[URLPattern | URLResolver] = [path("v1/", include((_v1, "api")))]
