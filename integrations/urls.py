"""Where the ERP sends people back to after they signed in there."""

from django.urls import path

from integrations.admin.sign_in import callback

urlpatterns = [path("callback/", callback, name="erp_callback")]
