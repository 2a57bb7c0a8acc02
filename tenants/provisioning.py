"""From a name to a brand that works: schema, role, template, owner. Every step may be repeated."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.validators import validate_email
from django.db import transaction
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from psycopg import sql

from loyalty.lib.database import connection
from loyalty.lib.errors import FieldError, Invalid
from loyalty.lib.money import CURRENCY
from tenants import locks, roles, schemas
from tenants.context import in_brand
from tenants.models import Brand, Domain
from tenants.operators.models import Operator, Role

SLUG = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]\Z")
RESERVED = frozenset({"public", "platform", "www", "api", "admin", "localhost", "information-schema"})
TEMPLATES = ("retail", "dairy", "fmcg", "blank")


@dataclass(frozen=True, slots=True)
class NewBrand:
    """What `create_brand` made; the password is shown once and stored only as a hash."""

    brand: Brand
    host: str
    owner: str | None
    password: str | None


def create_brand(
    *,
    slug: str,
    name: str,
    now: datetime,
    timezone: str = "Asia/Shanghai",
    currency: str = "CNY",
    template: str = "blank",
    owner_email: str | None = None,
    owner_password: str | None = None,
    webhook_hosts: Sequence[str] = (),
) -> NewBrand:
    """Make a brand and everything it needs. Must run as the database's owner.

    A brand whose making was cut off is taken up where it stopped. Raises Invalid for bad or taken values.
    """
    _validate(
        slug=slug,
        name=name,
        timezone=timezone,
        currency=currency,
        template=template,
        email=owner_email,
        hosts=webhook_hosts,
    )
    connection.set_schema_to_public()
    brand = _register(slug, name, timezone, currency, template, webhook_hosts)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(brand.schema_name)))
    schemas.migrate(brand)
    with in_brand(brand), transaction.atomic():
        for path in settings.BRAND_TEMPLATE_INSTALLERS:
            import_string(path)(template, now=now)
        owner, password = _owner(owner_email, owner_password)
    connection.set_schema_to_public()
    Brand.objects.filter(pk=brand.pk, status=Brand.Status.PROVISIONING).update(status=Brand.Status.ACTIVE)
    brand.refresh_from_db()
    return NewBrand(brand, f"{slug}.{settings.BRAND_HOST_SUFFIX}", owner, password)


def create_operator(
    *, email: str, role: str, password: str | None = None, name: str = ""
) -> tuple[Operator, str]:
    """An operator of the current brand (or platform) and their password, generated when none is given.

    Raises Invalid for an unknown role, a bad address or one that is taken.
    """
    if role not in Role.values:
        raise Invalid.at(
            "/role", "unknown", _("Unknown role. Known: %(known)s.") % {"known": ", ".join(Role.values)}
        )
    _check_email(email, "/email")
    if Operator.objects.filter(username=email.lower()).exists():
        raise Invalid.at("/email", "taken", _("An operator with this address exists already."))
    chosen = password or secrets.token_urlsafe(12)
    operator = Operator.objects.create_user(
        username=email.lower(),
        email=email.lower(),
        password=chosen,
        first_name=name,
        role=role,
        is_staff=True,
    )
    import_string("loyalty.console.roles.assign")(operator)
    return operator, chosen


def _register(
    slug: str, name: str, timezone: str, currency: str, template: str, webhook_hosts: Sequence[str]
) -> Brand:
    with transaction.atomic():
        brand = locks.brand(slug)
        if brand is not None and brand.status != Brand.Status.PROVISIONING:
            raise Invalid.at("/slug", "taken", _("A brand of this name exists already."))
        brand = brand or Brand(slug=slug, schema_name=slug.replace("-", "_"))
        brand.name, brand.timezone, brand.currency, brand.template = name, timezone, currency, template
        brand.languages = ["zh-hans", "en"]
        brand.points_name = brand.points_name or {"zh-hans": "积分", "en": "points"}
        if webhook_hosts:
            brand.settings = {**brand.settings, "webhook_hosts": list(webhook_hosts)}
        brand.save()
        Domain.objects.get_or_create(
            domain=f"{slug}.{settings.BRAND_HOST_SUFFIX}", defaults={"tenant": brand, "is_primary": True}
        )
    return brand


def _owner(email: str | None, password: str | None) -> tuple[str | None, str | None]:
    if email is None or Operator.objects.filter(username=email.lower()).exists():
        return email, None
    operator, chosen = create_operator(email=email, role=Role.OWNER, password=password)
    return operator.username, chosen


def _validate(
    *,
    slug: str,
    name: str,
    timezone: str,
    currency: str,
    template: str,
    email: str | None,
    hosts: Sequence[str],
) -> None:
    errors = []
    if not SLUG.match(slug) or slug in RESERVED or slug.startswith("pg-"):
        errors.append(
            FieldError(
                "/slug", "slug", _("2 to 40 lower-case letters, digits and hyphens, beginning with a letter.")
            )
        )
    if not name.strip() or len(name) > 120:
        errors.append(FieldError("/name", "name", _("1 to 120 characters.")))
    if timezone not in available_timezones():
        errors.append(FieldError("/timezone", "timezone", _("Not an IANA time zone such as Asia/Shanghai.")))
    if not CURRENCY.match(currency):
        errors.append(FieldError("/currency", "currency", _("Not an ISO 4217 code such as CNY.")))
    if template not in TEMPLATES:
        known = ", ".join(TEMPLATES)
        errors.append(
            FieldError("/template", "template", _("Unknown template. Known: %(known)s.") % {"known": known})
        )
    errors += [
        FieldError("/allow_webhook_host", "host", _("Write it as host:port."))
        for host in hosts
        if not re.fullmatch(r"[A-Za-z0-9.\-\[\]:]+:\d{1,5}", host)
    ]
    if hosts and not settings.WEBHOOK_LOCAL_TARGETS:
        errors.append(FieldError("/allow_webhook_host", "production", _("Not allowed in production.")))
    if errors:
        raise Invalid(errors)
    if email is not None:
        _check_email(email, "/owner_email")


def _check_email(email: str, pointer: str) -> None:
    try:
        validate_email(email)
    except ValidationError:
        raise Invalid.at(pointer, "email", _("Not an e-mail address.")) from None


def migrate_shared() -> None:
    """Bring the shared schema up to date and give the platform's role its rights."""
    call_command("migrate_schemas", schema_name="public", interactive=False, verbosity=0)
    roles.grant_platform()
