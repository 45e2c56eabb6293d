"""The page that maps dimensions: which class, department, location or tracking option the lines about one of ours carry."""

import re
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from billing.access import may
from billing.admin.shown import change_url
from billing.models import BusinessEntity, Customer, Product, ProductFamily, Role
from integrations import dimension_mapping
from integrations.dimension_mapping import Dimension, dimensions_of
from integrations.models import Connection, DimensionMapping, DimensionOf, Mapping

PAGE = 50
_CELL = re.compile(r"d_([0-9]{1,18})_([0-9]{1,4})")
_MODELS: dict[str, tuple[str, type[Any], tuple[str, ...]]] = {
    DimensionOf.PRODUCT_FAMILY: ("Product families", ProductFamily, ("name__icontains",)),
    DimensionOf.PRODUCT: ("Products", Product, ("code__istartswith", "name__icontains")),
    DimensionOf.CUSTOMER: ("Customers", Customer, ("external_id__iexact", "name__icontains")),
    DimensionOf.BUSINESS_ENTITY: ("Business entities", BusinessEntity, ("code__istartswith", "name__icontains")),
}


def map_dimensions(request: HttpRequest) -> HttpResponse:
    """Show a grid of ours by the ERP's dimensions, and keep what was changed in it."""
    if not may(request, Role.VIEWER):
        raise PermissionDenied
    wanted = request.GET.get("connection", "")
    connection = Connection.objects.defer("credentials").filter(pk=wanted).first() if wanted.isdecimal() else None
    if connection is None:
        raise Http404("There is no such connection in this company.")
    ours = request.GET.get("ours", "")
    ours = ours if ours in _MODELS else DimensionOf.PRODUCT_FAMILY.value
    if request.method == "POST":
        if not may(request, Role.ACCOUNTANT):
            raise PermissionDenied
        _save(request, connection, ours)
        return HttpResponseRedirect(request.get_full_path())
    return TemplateResponse(request, "admin/integrations/dimensions.html", _context(request, connection, ours))


def _context(request: HttpRequest, connection: Connection, ours: str) -> dict[str, Any]:
    label = _MODELS[ours][0]
    search = request.GET.get("q", "").strip()
    page = Paginator(_rows(ours, search), PAGE).get_page(request.GET.get("page", "1"))
    dimensions = dimensions_of(connection)
    chosen = {
        (row.internal_id, row.kind, row.group): row.external_id
        for row in DimensionMapping.objects.filter(
            connection=connection, ours=ours, internal_id__in=[each.pk for each in page]
        )
    }
    lines = [
        (each, [(f"d_{each.pk}_{place}", dimension, chosen.get((each.pk, dimension.kind, dimension.group), ""))
                for place, dimension in enumerate(dimensions)])
        for each in page
    ]  # fmt: skip
    return {
        **admin.site.each_context(request),
        "opts": Mapping._meta,
        "title": "Dimensions",
        "connection": connection,
        "connection_url": change_url(Connection, connection.pk),
        "tabs": [
            (name, f"?{urlencode({'connection': connection.pk, 'ours': code})}", code == ours)
            for code, (name, _, _) in _MODELS.items()
        ],
        "ours": ours,
        "label": label,
        "q": search,
        "dimensions": dimensions,
        "lines": lines,
        "page": page,
        "may_map": may(request, Role.ACCOUNTANT),
    }


def _rows(ours: str, search: str) -> Any:
    _, model, lookups = _MODELS[ours]
    rows = model.objects.all()
    wanted = Q()
    for lookup in lookups if search else ():
        wanted |= Q(**{lookup: search})
    return rows.filter(wanted).order_by("name", "id")


def _save(request: HttpRequest, connection: Connection, ours: str) -> None:
    dimensions = dimensions_of(connection)
    wanted: dict[tuple[int, Dimension], str] = {}
    for name, value in request.POST.items():
        cell = _CELL.fullmatch(name)
        if cell and int(cell[2]) < len(dimensions) and value != request.POST.get(f"before_{name}"):
            wanted[int(cell[1]), dimensions[int(cell[2])]] = value
    known = set(_MODELS[ours][1].objects.filter(pk__in=[pk for pk, _ in wanted]).values_list("pk", flat=True))
    saved = 0
    for (pk, dimension), external_id in wanted.items():
        try:
            if pk not in known:
                raise ValueError("What you chose a dimension for is not there any more. Open the page again.")
            dimension_mapping.choose(
                connection, ours=DimensionOf(ours), internal_id=pk, dimension=dimension, external_id=external_id
            )
        except ValueError as error:
            messages.error(request, str(error))
        else:
            saved += 1
    messages.success(
        request, f"{saved} saved. They count for what is sent from now on." if saved else "Nothing was changed."
    )
