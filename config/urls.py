"""Where each address leads."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from config.admin import switch_company
from config.companies import new_company

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/company/", switch_company, name="switch_company"),
    path("admin/company/new/", admin.site.admin_view(new_company), name="new_company"),
    path("admin/", admin.site.urls),
    path("api/", include("config.api")),
    path("integrations/", include("integrations.urls")),
]

handler500 = "config.error_pages.failed"
