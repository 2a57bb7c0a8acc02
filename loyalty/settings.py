"""Settings by environment. Defaults are the safe ones; `make up` writes var/dev.env for development."""

import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from redis.backoff import NoBackoff
from redis.retry import Retry

from loyalty.console.unfold import UNFOLD as CONSOLE

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if "LOYALTY_ENV" not in os.environ and (BASE_DIR / "var" / "dev.env").exists():
    environ.Env.read_env(BASE_DIR / "var" / "dev.env")

LOYALTY_ENV = env.str("LOYALTY_ENV", "production")
if LOYALTY_ENV not in ("dev", "test", "production"):
    raise ImproperlyConfigured("LOYALTY_ENV must be dev, test or production")
DEV = LOYALTY_ENV == "dev"
TEST = LOYALTY_ENV == "test"
PRODUCTION = LOYALTY_ENV == "production"
DEBUG = env.bool("DEBUG", DEV) and not PRODUCTION

# --- secrets -------------------------------------------------------------------------------------------
DEVELOPMENT_KEY = "development-key-never-for-production"
# A Fernet key is 32 bytes in base64; this one says what it is.
DEVELOPMENT_FIELD_KEY = "ZGV2ZWxvcG1lbnQta2V5LW5ldmVyLXByb2R1Y3Rpb24="
SECRET_KEY = env.str("SECRET_KEY", "" if PRODUCTION else DEVELOPMENT_KEY)
FIELD_KEYS = env.list("FIELD_KEYS", default=[] if PRODUCTION else [DEVELOPMENT_FIELD_KEY])
if PRODUCTION:
    if len(SECRET_KEY) < 32 or SECRET_KEY == DEVELOPMENT_KEY:
        raise ImproperlyConfigured("SECRET_KEY must be set to a random string of at least 32 characters")
    if not FIELD_KEYS or DEVELOPMENT_FIELD_KEY in FIELD_KEYS:
        raise ImproperlyConfigured("FIELD_KEYS must be set: Fernet keys, comma-separated, newest first")

# --- hosts ---------------------------------------------------------------------------------------------
# Hosts are checked against the brands' own domains (tenants.middleware), which no static list can know.
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"])
PLATFORM_HOSTS = env.list("PLATFORM_HOSTS", default=["localhost", "127.0.0.1"])
BRAND_HOST_SUFFIX = env.str("BRAND_HOST_SUFFIX", "localhost")
PUBLIC_URL_SCHEME = env.str("PUBLIC_URL_SCHEME", "https" if PRODUCTION else "http")
PORT = env.int("PORT", 8000)
HOSTLESS_PATHS = ("/healthz", "/readyz", "/metrics")

# --- database ------------------------------------------------------------------------------------------
# DATABASE_URL is the login of web, worker and dispatcher; DATABASE_OWNER_URL that of migrations and
# provisioning. With one URL for both, its user must be allowed to create roles.
DB_OWNER_MODE = env.str("DB_LOGIN", "app") == "owner"
_APP_URL = env.str("DATABASE_URL", "postgresql://localhost/loyalty")
_OWNER_URL = env.str("DATABASE_OWNER_URL", _APP_URL)
_app = environ.Env.db_url_config(_APP_URL)
_database = environ.Env.db_url_config(_OWNER_URL if DB_OWNER_MODE else _APP_URL)
DB_APP_LOGIN = _app.get("USER") or os.environ.get("PGUSER", "postgres")
DB_ROLE_PREFIX = env.str("DB_ROLE_PREFIX", _database["NAME"])
# One pooled connection for each thread of the web process; 0 (worker, commands) = no pool.
DB_POOL_SIZE = env.int("DB_POOL_SIZE", 0)
_options: dict[str, object] = dict(_database.get("OPTIONS", {}))
if DB_POOL_SIZE:
    from tenants.backend import pool

    _options["pool"] = {"min_size": 1, "max_size": DB_POOL_SIZE, "timeout": 10, "reset": pool.reset}
DATABASES = {
    "default": {
        **_database,
        "ENGINE": "tenants.backend",
        "OPTIONS": _options,
        "CONN_MAX_AGE": 0,
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }
}
DATABASE_ROUTERS = ("django_tenants.routers.TenantSyncRouter",)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIGRATION_LINTER_OPTIONS = {"sql_analyser": "postgresql"}

# --- applications --------------------------------------------------------------------------------------
_BOTH = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin",
    "tenants.operators",
    "axes",
]
SHARED_APPS = [
    "django_tenants",
    "loyalty.console.theme.UnfoldConfig",
    "unfold.contrib.filters",
    *_BOTH,
    "tenants",
    "loyalty",
    "django.contrib.staticfiles",
    "django_prometheus",
    "django_structlog",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
TENANT_APPS = [
    *_BOTH,
    "loyalty.outbox",
    "members",
    "points",
    "mall",
    "campaigns",
    "partners",
    "loyalty.analytics",
    "loyalty.console",
]
INSTALLED_APPS = SHARED_APPS + [app for app in TENANT_APPS if app not in SHARED_APPS]
if not PRODUCTION:
    INSTALLED_APPS.append("loyalty.dev")
TENANT_MODEL = "tenants.Brand"
TENANT_DOMAIN_MODEL = "tenants.Domain"
TENANT_LIMIT_SET_CALLS = True
AUTH_USER_MODEL = "operators.Operator"
# What `create_brand --template` calls, in this order: each is given the template's name and the time.
BRAND_TEMPLATE_INSTALLERS = env.list(
    "BRAND_TEMPLATE_INSTALLERS",
    default=[
        "points.templates.install",
        "mall.templates.install",
        "campaigns.templates.install",
        "loyalty.console.roles.install",
    ],
)
# Modules with a `revision()` and an `after_migration()`, run in each brand whose schema is migrated.
BRAND_MIGRATION_STEPS = ("loyalty.console.roles", "campaigns.services.messages.standard")
# Tables on which a brand's role may only SELECT and INSERT (ledger.md rule 1).
INSERT_ONLY_TABLES = (
    "points_entry",
    "points_consumption",
    "points_logkey",
    "points_logleaf",
    "points_lognode",
    "points_checkpoint",
    "points_tierqualification",
    "points_tierchange",
    "points_tierprogramversion",
    "points_closedmonth",
    "analytics_unitcost",
    "analytics_monthclose",
    "mall_redemptionstep",
    "campaigns_ruleversion",
    "campaigns_rulestep",
    "campaigns_messagetemplateversion",
    "members_consent",
)

# --- HTTP ----------------------------------------------------------------------------------------------
ROOT_URLCONF = "loyalty.urls"
PUBLIC_SCHEMA_URLCONF = "loyalty.urls_platform"
WSGI_APPLICATION = "loyalty.wsgi.application"
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "loyalty.lib.unread.UnreadMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "loyalty.lib.language.LanguageMiddleware",
    "tenants.middleware.BrandMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "loyalty.console.middleware.ConsoleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
APPEND_SLASH = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", False) else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL_SCHEME == "https"
SESSION_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", 31_536_000 if PRODUCTION else 0)
# Four failures lock the pair of user name and address for a quarter of an hour, not for ever.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False
AXES_LOCKOUT_CALLABLE = "loyalty.console.views.locked_out"
UNFOLD = CONSOLE
if TEST:  # a real hash takes most of a second by design
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "loyalty" / "console" / "templates" / "first"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
            ]
        },
    }
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["partners.auth.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["loyalty.lib.scopes.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["partners.throttle.KeyThrottle"],
    "DEFAULT_PARSER_CLASSES": ["loyalty.lib.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "loyalty.lib.problems.handler",
    "UNAUTHENTICATED_USER": None,
    # The address that a limit counts by: the one that our own proxy saw, never one that a client claims.
    "NUM_PROXIES": int(env.bool("BEHIND_PROXY", False)),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Loyalty platform API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["loyalty.lib.openapi.problems_everywhere"],
}

# --- languages, time -----------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["loyalty.console.formats"]
USE_THOUSAND_SEPARATOR = True

# --- static and media ----------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
MEDIA_ROOT = env.str("MEDIA_ROOT", str(BASE_DIR / "var" / "media"))
STORAGES = {
    "default": {"BACKEND": "django_tenants.files.storage.TenantFileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
MULTITENANT_RELATIVE_MEDIA_ROOT = "%s"
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = not PRODUCTION  # looked up when asked for, not all of them at every start

# --- Redis: broker and cache are two databases, so that one may be emptied without the other ----------
REDIS_URL = env.str("REDIS_URL", "redis://localhost:6379/0")
REDIS_CACHE_URL = env.str("REDIS_CACHE_URL", REDIS_URL.rsplit("/", 1)[0] + "/1")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_CACHE_URL,
        "KEY_FUNCTION": "django_tenants.cache.make_key",
        "REVERSE_KEY_FUNCTION": "django_tenants.cache.reverse_key",
        # One that is silent holds up nobody for long; a connection that a restart ended is made anew.
        "OPTIONS": {"socket_timeout": 2.0, "socket_connect_timeout": 2.0, "retry": Retry(NoBackoff(), 1)},
    }
}
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_TIME_LIMIT = 600
# What reads for minutes has workers of its own, or a verification and a simulation would hold up due work.
CELERY_TASK_ROUTES = {
    "loyalty.outbox.tasks.run_reading_jobs": {"queue": "reading"},
    "loyalty.analytics.tasks.tick_verification": {"queue": "reading"},
}

# --- messages, outside services ------------------------------------------------------------------------
EMAIL_URL = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_URL)
# Elsewhere mails that only reach a log or a test are as good as sent.
MAIL_IS_SENT = not PRODUCTION or EMAIL_URL["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
# A mail server that does not answer must not hold up the sender for longer than its leases.
EMAIL_TIMEOUT = EMAIL_URL.get("EMAIL_TIMEOUT") or 10
WECHAT_API_URL = env.str("WECHAT_API_URL", "https://api.weixin.qq.com")
# The app that the development sandbox knows; production has no such thing.
WECHAT_SANDBOX_APP = ("wx-demo-0001", "sandbox-secret") if DEV else None
if PRODUCTION and not WECHAT_API_URL.startswith("https://"):
    raise ImproperlyConfigured("WECHAT_API_URL must be https in production")
# The providers of messages; in development one server on this machine stands in for all of them.
WECHAT_MESSAGE_API_URL = env.str("WECHAT_MESSAGE_API_URL", WECHAT_API_URL)
WECOM_API_URL = env.str("WECOM_API_URL", "https://qyapi.weixin.qq.com")
SMS_API_URL = env.str("SMS_API_URL", "https://dysmsapi.aliyuncs.com")
PUSH_API_URL = env.str("PUSH_API_URL", "https://api.jpush.cn")
if PRODUCTION and not all(
    url.startswith("https://") for url in (WECHAT_MESSAGE_API_URL, WECOM_API_URL, SMS_API_URL, PUSH_API_URL)
):
    raise ImproperlyConfigured("the addresses of the messages' providers must be https in production")
WEBHOOK_LOCAL_TARGETS = not PRODUCTION
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
PROMETHEUS_EXPORT_MIGRATIONS = False
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
LOGGING_CONFIG = "loyalty.logs.configure"
LOGGING = {"json": PRODUCTION, "level": LOG_LEVEL, "quiet": TEST}
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_CELERY_DEFAULT_LOG_LEVEL = 10  # a tick that went well is no news
