"""Signing in to an ERP: off to the vendor, and back through the callback.

What was begun is remembered in the person's session: an answer that was not asked for in this browser, or by somebody who
is no administrator of that company any more, is refused before anything is exchanged.
"""

import hashlib
from urllib.parse import parse_qs, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from billing.access import COMPANY_KEY, work_out_access
from billing.admin.shown import change_url, list_url
from billing.models import Role
from billing.tenancy import current_tenant_id, tenant_scope
from integrations import mapping, outbox, sign_in
from integrations.admin.file_verbs import takes_files
from integrations.connectors.base import SignInKind
from integrations.going_live import is_being_set_up
from integrations.models import Connection, ConnectionStatus
from integrations.tokens import SignInError, way_of

_SESSION_KEY = "counterfoil_erp_sign_ins"
_REMEMBERED = 5
_LONGEST = 2000


def callback_address(request: HttpRequest) -> str:
    """Give the address that the ERP's developer portal has to know."""
    return request.build_absolute_uri(reverse("erp_callback"))


def begin(request: HttpRequest, connection: Connection) -> str:
    """Begin a sign-in and remember it in the session; give the vendor's address. Raises SignInError."""
    address = sign_in.begin(connection, redirect_uri=callback_address(request))
    state = parse_qs(urlsplit(address).query)["state"][0]
    begun = list(request.session.get(_SESSION_KEY, {}).items())[1 - _REMEMBERED :]
    request.session[_SESSION_KEY] = {**dict(begun), _digest(state): [current_tenant_id(), connection.pk]}
    return address


def start(request: HttpRequest, connection: Connection) -> str:
    """Sign in: give the vendor's address to go to, or an empty text when nobody has to agree there. Raises SignInError."""
    if way_of(connection).kind is SignInKind.CODE:
        return begin(request, connection)
    connected = sign_in.connect(connection)
    outbox.wake(tenant_id=connected.tenant_id, connection_id=connected.pk)
    by_files = takes_files(connected)
    lists = (
        "upload the ERP's chart of accounts, or use our account numbers there" if by_files else "import the ERP's lists"
    )
    words = _connected(connected, next_step=lists)
    if by_files:
        mapping.import_lists(connected)
    messages.success(request, words)
    return ""


@require_GET
@never_cache
def callback(request: HttpRequest) -> HttpResponse:
    """Take a person back from the vendor's sign-in page, to the connection that it was about."""
    back = list_url(Connection)
    try:
        tenant_id, connection_id = _begun(request)
        request.session[COMPANY_KEY] = tenant_id  # They may have changed to another company in the meantime.
        back = change_url(Connection, connection_id)
        with tenant_scope(tenant_id):
            connection = _exchange(request, connection_id)
    except SignInError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(back)
    if connection.status == ConnectionStatus.CHOOSE_COMPANY:
        return HttpResponseRedirect(reverse("admin:integrations_connection_company", args=[connection.pk]))
    messages.success(request, _connected(connection, next_step="import the ERP's lists"))
    return HttpResponseRedirect(back)


def _connected(connection: Connection, *, next_step: str) -> str:
    if is_being_set_up(connection) or connection.lists_read_at is None:
        return f"{connection.name} is connected. Next: {next_step}, then see to the mapping."
    return f"{connection.name} is connected. What waited is sent now."


def _begun(request: HttpRequest) -> tuple[int, int]:
    """Give the company and the connection that this sign-in was begun for, once. Raises SignInError."""
    if not request.user.is_authenticated or not request.user.is_staff:
        raise SignInError("You were signed out of Counterfoil in the meantime. Start connecting again.")
    begun = request.session.get(_SESSION_KEY, {})
    tenant_id, connection_id = begun.pop(_digest(request.GET.get("state", "")), (None, None))
    request.session[_SESSION_KEY] = begun
    if tenant_id is None:
        raise SignInError("This sign-in was not begun here, or was used already. Start it again from the connection.")
    access = work_out_access(request.user, tenant_id)
    if access is None or access.tenant.pk != tenant_id or not access.may(Role.ADMIN):
        raise SignInError("Only an administrator of the company may connect it to an ERP. Ask one to do it.")
    return tenant_id, connection_id


def _exchange(request: HttpRequest, connection_id: int) -> Connection:
    wanted = Connection.objects.defer("credentials").filter(pk=connection_id).first()
    if wanted is None or wanted.status == ConnectionStatus.DISABLED:
        raise SignInError("This connection is switched off. Switch it on again, then connect.")
    callback = {name: value for name, value in request.GET.items() if len(value) < _LONGEST}
    if not callback.get("code"):
        raise SignInError(f"{wanted.name} was not connected: nobody agreed on the ERP's sign-in page.")
    connection = sign_in.complete(callback)
    outbox.wake(tenant_id=connection.tenant_id, connection_id=connection.pk)
    return connection


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
