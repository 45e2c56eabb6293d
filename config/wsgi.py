"""The WSGI entry point, for gunicorn: `gunicorn config.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Web processes gain from a connection pool; nothing else may have one (see DATABASES in the settings).
os.environ.setdefault("COUNTERFOIL_DB_POOL", "1")

application = get_wsgi_application()
