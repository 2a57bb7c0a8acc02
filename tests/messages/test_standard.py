"""The standard messages: every brand has them, and nothing of its own is touched."""

from datetime import datetime

import pytest
from django.conf import settings

from campaigns.models import MessageTemplate, MessageTemplateVersion
from campaigns.services.messages import standard
from tenants import schemas
from tenants.models import Brand
from tests.messages import support

pytestmark = pytest.mark.django_db


def test_a_brand_without_any_is_given_them_once(in_acme: Brand) -> None:
    assert not MessageTemplate.objects.exists()
    for _twice in range(2):
        standard.after_migration()
        on = MessageTemplate.objects.filter(enabled=True).values_list("event", flat=True)
        assert set(on) == set(standard.SENTENCES) - standard.OFF
        assert MessageTemplate.objects.count() == len(standard.SENTENCES)
    one = MessageTemplateVersion.objects.get(template__code="points-arrived")
    assert (one.version, one.body) == (1, standard.body_of("points.arrived"))


def test_what_the_brand_has_stays_as_it_is(in_acme: Brand, now: datetime) -> None:
    own = support.template(now=now, code="welcome-points", purpose="transactional")
    MessageTemplate.objects.filter(pk=own.pk).update(event="points.arrived", enabled=False)
    # Its occasion was taken away from it, its code is still used.
    other = support.template(now=now, code="points-spent", purpose="marketing")
    before = list(MessageTemplate.objects.order_by("pk").values())
    standard.after_migration()
    assert list(MessageTemplate.objects.filter(pk__in=[own.pk, other.pk]).order_by("pk").values()) == before
    given = set(MessageTemplate.objects.exclude(pk__in=[own.pk, other.pk]).values_list("event", flat=True))
    assert given == set(standard.SENTENCES) - {"points.arrived", "points.spent"}


def test_a_brand_that_sends_already_is_given_them_switched_off(in_acme: Brand, now: datetime) -> None:
    support.channel("email", now=now, settings={"from": "hello@acme.example"})
    standard.after_migration()
    assert MessageTemplate.objects.filter(enabled=False).count() == len(standard.SENTENCES)


def test_a_brand_is_visited_when_there_is_a_new_one(in_acme: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    assert standard.__name__ in settings.BRAND_MIGRATION_STEPS
    before = schemas.fingerprint()
    # As the next version of the platform has them.
    more = {**standard.SENTENCES, "points.new": standard.SENTENCES["points.spent"]}
    monkeypatch.setattr(standard, "SENTENCES", more)
    assert schemas.fingerprint() != before
