"""Structured logs: JSON in production, colours in development; each line with brand and request id.

No personal data: fields of people are dropped by name, and what looks like an e-mail address or a phone
number is masked wherever it stands, also in tracebacks and in the details of database errors.
"""

import logging
import logging.config
import os
import re
import sys
from typing import Any, Final

import structlog
from celery.signals import setup_logging
from django.conf import settings
from django.db import connection
from structlog.typing import EventDict, Processor, WrappedLogger

MASK: Final = "…"
PERSONAL: Final = frozenset(
    {
        "ip", "user_agent", "phone", "email", "name", "birthday", "address", "external_id", "card_no",
        "openid", "unionid", "alipay_open_id", "identity", "identities", "subject", "children",
        "password", "secret", "token", "authorization", "cookie", "session_key", "js_code", "payload", "body",
    }
)  # fmt: skip
PATTERNS: Final = (
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), MASK),
    (re.compile(r"(?<![\w-])(?:\+\d{8,15}|1[3-9]\d{9})(?![\w-])"), MASK),
    (re.compile(r"(Key \([^)]*\)=)\(.*?\)(?= already| is|\.|$)"), rf"\1({MASK})"),
    (re.compile(r"(Failing row contains )\(.*\)"), rf"\1({MASK})"),
    (re.compile(r"\b(Bearer |whsec_)[\w.~+/=-]+"), rf"\1{MASK}"),
)
NOT_WORTH_A_LINE: Final = frozenset({"request_started", "task_enqueued", "task_started"})


def mask(text: str) -> str:
    """The text without addresses, phone numbers, credentials and row contents."""
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def add_brand(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Say for which brand this line is, also in tasks and commands; `-` is the platform."""
    if "brand" not in event:
        brand = getattr(connection, "tenant", None)
        event["brand"] = getattr(brand, "slug", None) or "-"
    return event


def without_noise(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Leave out what says nothing: beginnings, and probes that went well."""
    if event.get("event") in NOT_WORTH_A_LINE:
        raise structlog.DropEvent
    if event.get("event") == "request_finished":
        verb, _, path = str(event.get("request", "")).partition(" ")
        path = path.partition("?")[0]
        if path in settings.HOSTLESS_PATHS and event.get("code") == 200:
            raise structlog.DropEvent
        event["request"] = f"{verb} {path}"
    return event


def without_personal_data(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drop fields of people by name, and mask what looks personal in all others."""
    return {key: _clean(value) for key, value in event.items() if key not in PERSONAL}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items() if key not in PERSONAL}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value


def _shared(*, json: bool) -> list[Processor]:
    """What every line goes through, whether it comes from structlog or from the standard library."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        # In development the supervisor puts the time before each line.
        *([structlog.processors.TimeStamper(fmt="iso", utc=True, key="at")] if json else []),
        structlog.processors.StackInfoRenderer(),
        add_brand,
        without_noise,
        structlog.processors.format_exc_info,
        without_personal_data,
    ]


def configure(options: dict[str, Any]) -> None:
    """Configure logging from settings.LOGGING: `json`, `level`, `quiet` (tests: warnings and errors only)."""
    json = bool(options["json"])
    level = "WARNING" if options["quiet"] else str(options["level"]).upper()
    shared = _shared(json=json)
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(
            colors="FORCE_COLOR" in os.environ or sys.stdout.isatty(),
            pad_event_to=0,
            pad_level=False,
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"lines": formatter},
            "handlers": {
                "stdout": {
                    "class": "logging.StreamHandler",
                    "formatter": "lines",
                    "stream": "ext://sys.stdout",
                }
            },
            "root": {"handlers": ["stdout"], "level": level},
            "loggers": {
                "django": {"handlers": [], "level": level, "propagate": True},
                # Says again what request_finished says, and names the path with its query.
                "django.request": {"level": "CRITICAL"},
                # A tick every two seconds, received and done, is no news; a failure is.
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.beat": {"level": "WARNING"},
                "httpx": {"level": "WARNING"},
                "faker": {"level": "WARNING"},
            },
        }
    )
    setup_logging.connect(_keep_ours, weak=False, dispatch_uid="loyalty.logs")


def _keep_ours(**_: Any) -> None:
    """Celery configures logging by itself unless somebody answers this signal."""
