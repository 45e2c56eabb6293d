"""Every setting, read once from the environment. `docs/OPERATIONS.md` lists the variables.

COUNTERFOIL_ENV=trial (the default) needs nothing set; COUNTERFOIL_ENV=production refuses to start half done.
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url

from config import embedded_postgres, env, keys

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL_DIR = BASE_DIR / ".local"

PRODUCTION = env.choice("COUNTERFOIL_ENV", ("trial", "production")) == "production"
DEBUG = env.flag("COUNTERFOIL_DEBUG", default=False) and not PRODUCTION
DEFAULT_EXCEPTION_REPORTER = "config.error_pages.ValuelessReporter"

# Secrets
_keep_in = None if PRODUCTION else LOCAL_DIR
SECRET_KEY = keys.secret_key(keep_in=_keep_in)
COUNTERFOIL_VAULT_KEYS = keys.vault_keys(keep_in=_keep_in)

# Web
if PRODUCTION:
    env.required("ALLOWED_HOSTS", "Production needs the host names it answers to, separated by commas.")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
# What a page may load and run: our own files only. Scripts in the page itself are never run; the theme's Alpine evaluates the
# words of its attributes, and it and the charts write styles. Forms are not limited: signing in leads on to the ERP.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# Where people open this installation, such as https://books.example.com; what an ERP holds of ours links back to it.
PUBLIC_URL = env.text("COUNTERFOIL_URL").rstrip("/")
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = PRODUCTION and env.flag("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", default=31_536_000) if PRODUCTION else 0
BEHIND_PROXY = env.flag("BEHIND_PROXY", default=False)
if BEHIND_PROXY:  # Only if a proxy in front always sets or strips this header.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

INSTALLED_APPS = [
    "unfold",  # Before the admin, whose templates it replaces.
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "djmoney",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
    "axes",
    "billing.apps.BillingConfig",
    "accounting.apps.AccountingConfig",
    "integrations.apps.IntegrationsConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.content_security_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.middleware.AdminTenantMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",  # Last: it answers instead of a sign-in that is stopped.
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Who guesses passwords is stopped: a name, from one address, for a quarter of an hour after the tenth failure. By name alone
# anybody could lock anybody out.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "config.middleware.client_address"
AXES_LOCKOUT_TEMPLATE = "429.html"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # Or one's own impatience would prolong it.
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True  # When a person signed in last is Django's to keep.
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

# How long to keep what has served: answers to API writes under an Idempotency-Key, files that jobs made or were given,
# attempts to deliver to an ERP. The clock deletes what is older.
COUNTERFOIL_KEEP_ANSWERS_DAYS = env.integer("COUNTERFOIL_KEEP_ANSWERS_DAYS", default=30, minimum=1)
COUNTERFOIL_KEEP_FILES_DAYS = env.integer("COUNTERFOIL_KEEP_FILES_DAYS", default=7, minimum=1)
COUNTERFOIL_KEEP_ATTEMPTS_DAYS = env.integer("COUNTERFOIL_KEEP_ATTEMPTS_DAYS", default=30, minimum=1)

# Database
_database_url = env.text("DATABASE_URL")
if PRODUCTION:
    env.required(
        "DATABASE_URL",
        "Production needs a PostgreSQL server, e.g. postgresql://user:password@host:5432/name.",
    )
DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(_database_url or embedded_postgres.ensure_running()),
}
# Statements that come again are planned once. COUNTERFOIL_PREPARE=0 is for poolers that cannot keep prepared statements;
# whichever it is, it must pool by session: the tenant in scope is a setting of the session.
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    "server_side_binding": True,
    "prepare_threshold": 2 if env.flag("COUNTERFOIL_PREPARE", default=True) else None,
    # What comes again looks rows up by key: one plan serves all values, and planning anew costs more than running.
    "options": "-c plan_cache_mode=force_generic_plan",
}
DATABASES["default"]["ATOMIC_REQUESTS"] = False  # Services open their own transactions, batch by batch.
# The workers of qcluster are forked and would share, and so corrupt, one pool; they never get one.
if env.flag("COUNTERFOIL_DB_POOL", default=False) and "qcluster" not in sys.argv:
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 1,
        "max_size": env.integer("COUNTERFOIL_DB_POOL_SIZE", default=8, minimum=1),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Mail, for warnings. Without a host it is printed, so that trying out sends nothing.
EMAIL_HOST = env.text("COUNTERFOIL_EMAIL_HOST")
EMAIL_PORT = env.integer("COUNTERFOIL_EMAIL_PORT", default=587, minimum=1)
EMAIL_HOST_USER = env.text("COUNTERFOIL_EMAIL_USER")
EMAIL_HOST_PASSWORD = env.text("COUNTERFOIL_EMAIL_PASSWORD")
EMAIL_USE_TLS = env.flag("COUNTERFOIL_EMAIL_TLS", default=True)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("COUNTERFOIL_EMAIL_FROM", "counterfoil@localhost")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"

# Printing
COUNTERFOIL_PDF_FONTS = env.words("COUNTERFOIL_PDF_FONTS")

# Background work: only a clock and a wake-up. The outbox is the record of work and does its own retrying.
Q_CLUSTER = {
    "name": "counterfoil",
    "label": "Background work",
    "orm": "default",
    # They mostly wait for an ERP, and share their memory: ten take little more than two, and use up any vendor's limit.
    "workers": env.integer("COUNTERFOIL_WORKERS", default=10, minimum=1),
    "queue_limit": 1,
    "bulk": 1,
    "timeout": 180,  # A turn at an ERP, and then one request that is answered at the last moment.
    "retry": 600,  # Must exceed (queue_limit + 2) * timeout, or tasks run twice.
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "save_limit": 250,
    "recycle": 200,
}

# API
REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_AUTHENTICATION_CLASSES": ["billing.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["billing.api.authentication.HasKey"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["billing.api.parsers.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["billing.api.filters.FilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "billing.api.pagination.Pages",
    "EXCEPTION_HANDLER": "billing.api.errors.handle",
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Counterfoil",
    "DESCRIPTION": "From signed contracts to closed books.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "CurrencyEnum": "billing.fields.CURRENCIES",
        "ContractStatusEnum": "billing.models.ContractStatus",
        "InvoiceStatusEnum": "billing.models.InvoiceStatus",
        "PhaseKindEnum": "billing.models.PhaseKind",
        "PaymentMethodEnum": "billing.models.PaymentMethod",
        "RecognitionMethodEnum": "billing.models.RecognitionMethod",
        "EntryKindEnum": "accounting.models.EntryKind",
        "SideEnum": "accounting.models.Side",
        "PeriodStatusEnum": "accounting.models.PeriodStatus",
        "ManualEntryStatusEnum": "accounting.models.ManualEntryStatus",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "billing.api.schema.document_errors_and_keys",
    ],
}

# Admin
LOGIN_REDIRECT_URL = "admin:index"  # Who opens the sign-in page itself, and not a page that asks for it, comes home.
UNFOLD = {
    "SITE_TITLE": "Counterfoil",
    "SITE_HEADER": "Counterfoil",
    "SITE_SYMBOL": "receipt_long",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "config.admin.icon"}],
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_HISTORY": True,
    "STYLES": ["config.admin.stylesheet"],
    "SCRIPTS": ["config.admin.script"],
    "DASHBOARD_CALLBACK": "config.admin.home",
    "GLOBAL_CALLBACK": "config.admin.everywhere",
    "SIDEBAR": {"navigation": "config.admin.sidebar"},
    "COLORS": {
        "primary": {  # A calm teal, dark enough for white text on 600.
            "50": "oklch(97.5% .012 195)",
            "100": "oklch(94% .03 195)",
            "200": "oklch(88% .055 196)",
            "300": "oklch(80% .08 197)",
            "400": "oklch(68% .095 199)",
            "500": "oklch(57% .095 202)",
            "600": "oklch(47% .085 207)",
            "700": "oklch(41% .072 212)",
            "800": "oklch(35% .06 215)",
            "900": "oklch(30% .05 218)",
            "950": "oklch(22% .04 220)",
        },
    },
}

# Static files
STATIC_URL = "static/"
STATIC_ROOT = Path(env.text("COUNTERFOIL_STATIC_ROOT", str(LOCAL_DIR / "static")))
if not PRODUCTION:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not PRODUCTION  # Trying out works without `collectstatic`.
_static_storage = (
    "whitenoise.storage.CompressedManifestStaticFilesStorage"
    if PRODUCTION
    else "django.contrib.staticfiles.storage.StaticFilesStorage"
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _static_storage},
}

# Language, time and money
LANGUAGE_CODE = "en-us"
USE_I18N = True
FORMAT_MODULE_PATH = ["config.formats"]
USE_TZ = True
TIME_ZONE = "UTC"
# Changing this list writes a migration for every money field.
# fmt: off
CURRENCIES = (
    "AED", "AUD", "BHD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD",
    "HUF", "IDR", "ILS", "INR", "JPY", "KRW", "KWD", "MXN", "MYR", "NOK", "NZD", "PHP",
    "PLN", "RON", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "USD", "ZAR",
)
# fmt: on
DEFAULT_CURRENCY = "USD"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("COUNTERFOIL_LOG_LEVEL", "INFO").upper()},
}
