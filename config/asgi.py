"""The ASGI entry point, for hosts that want one; nothing here is asynchronous, WSGI is faster."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()
