"""Two brands with the same primary keys everywhere, so that a query into the wrong one finds something."""

from uuid import UUID

from django.conf import settings
from django.db import connection

from campaigns.models import MessageTemplate, MessageTemplateVersion
from members.models import Identity, Member
from partners.auth import digest
from partners.models import ApiKey
from tenants import migrationstates
from tenants.context import in_brand
from tenants.models import Brand
from tenants.provisioning import create_brand, migrate_shared
from tenants.roles import as_owner
from tests.support.databases import FOUNDED

SLUGS = ("acme", "globex")
ANNA = UUID("01900000-0000-7000-8000-00000000000a")
BORIS = UUID("01900000-0000-7000-8000-00000000000b")
CHEN = UUID("01900000-0000-7000-8000-00000000000c")
MEMBERS = {ANNA: "C-anna", BORIS: "C-boris", CHEN: "C-chen"}
KEY_ID = UUID("01900000-0000-7000-8000-000000000001")
READ_KEY_ID = UUID("01900000-0000-7000-8000-000000000002")


def key(slug: str) -> str:
    """The API key of a brand that may do everything."""
    return f"lk_{slug[:4]}full_{'k' * 32}"


def read_key(slug: str) -> str:
    """The API key of a brand that may only read."""
    return f"lk_{slug[:4]}read_{'k' * 32}"


def build() -> None:
    """Migrate, and make the two brands (template `blank`: no rules, no tiers) with three members each.

    The standard messages are taken away again: tests of messages make those that they are about.
    """
    with as_owner(), migrationstates.remembered():
        migrate_shared()
        for slug in SLUGS:
            made = create_brand(slug=slug, name=slug.title(), template="blank", now=FOUNDED)
            with in_brand(made.brand):
                MessageTemplateVersion.objects.all().delete()
                MessageTemplate.objects.all().delete()
    for brand in Brand.objects.order_by("pk"):
        with in_brand(brand):
            for member_id, external_id in MEMBERS.items():
                _member(brand.slug, member_id, external_id)
            everything = {"name": "everything", "scopes": ["*"], "created_at": FOUNDED}
            reading = {"name": "reading", "scopes": ["members:read", "points:read", "mall:read"]}
            ApiKey.objects.create(
                id=KEY_ID, prefix=key(brand.slug)[:11], digest=digest(key(brand.slug)), **everything
            )
            ApiKey.objects.create(
                id=READ_KEY_ID,
                prefix=read_key(brand.slug)[:11],
                digest=digest(read_key(brand.slug)),
                created_at=FOUNDED,
                **reading,
            )
    connection.set_schema_to_public()
    assert settings.TEST


def _member(slug: str, member_id: UUID, external_id: str) -> None:
    member = Member.objects.create(
        id=member_id,
        name=f"{external_id} of {slug}",
        enrolled_at=FOUNDED,
        referral_code=f"{external_id[2:6].upper()}",
    )
    Identity.objects.create(
        id=UUID(int=member_id.int + 4096),
        member=member,
        provider="external_id",
        subject=external_id,
        created_at=FOUNDED,
    )
