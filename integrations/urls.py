"""Where the ERP sends people back to after they signed in there, and where its webhooks come in."""

from django.urls import path

from integrations.admin.sign_in import callback
from integrations.webhooks import receive

urlpatterns = [
    path("callback/", callback, name="erp_callback"),
    path("webhooks/<int:tenant_id>/<int:connection_id>/", receive, name="erp_webhook"),
]
