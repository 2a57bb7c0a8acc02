"""`manage.py stage_wakeup`: a wake-up of nine days ago in the demo brand, for the pictures of its report."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand
from django.db import transaction

from campaigns.models import Channel, Message, Wakeup
from campaigns.services import segments, wakeups
from campaigns.services.messages import templating
from loyalty.dev.demo import shop
from loyalty.lib import clock
from members.models import Consent, Identity
from members.services import consents
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand

ACTOR: Final = "demo"
CODE: Final = "come-back"
AGO: Final = timedelta(days=9)
SEGMENT: Final[dict[str, Any]] = {"all": [{"fact": "member.enrolled_days", "op": "gte", "value": 20}]}
SAID: Final = {
    "short": {"zh-hans": "{name}，好久不见，回来看看吧。", "en": "{name}, come back and have a look."},
    "long": {
        "zh-hans": "{name}，新一季的生鲜到店了，会员有积分可得。",
        "en": "{name}, this season's fresh food is here, and members earn points on it.",
    },
}


class Command(BaseCommand):
    help = "A wake-up that went out to the demo's members nine days ago. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        """In one transaction, so that no sender sees the messages as due."""
        brand = Brand.objects.get(slug=shop.SLUG)
        hosts.of_brand(brand)
        with in_brand(brand), transaction.atomic():
            wakeup = Wakeup.objects.filter(code=CODE).first() or _sent()
        self.stdout.write(str(wakeup.pk))


def _sent() -> Wakeup:
    """Who had a phone was asked; who said yes was told, and most of that arrived."""
    then = clock.now() - AGO
    reachable = Identity.objects.filter(provider="phone").order_by("member_id")
    for number, member_id in enumerate(reachable.values_list("member_id", flat=True)):
        if number % 9:
            consents.say(
                member_id=member_id,
                purpose="marketing",
                version="2026-01",
                granted=True,
                source=ACTOR,
                now=then,
            )
    segments.create(
        code="regulars",
        name={"zh-hans": "入会满 20 天的会员", "en": "Members of 20 days and more"},
        definition=SEGMENT,
        actor=ACTOR,
        now=then,
    )
    for code, text in SAID.items():
        _template(f"{CODE}-{code}", text, then)
    values = {
        "name": {"zh-hans": "回来有礼", "en": "Come back"},
        "segment": "regulars",
        "channel": Channel.SMS,
        "variants": [{"code": code, "template": f"{CODE}-{code}", "share": 50} for code in SAID],
        "holdout_percent": 20,
    }
    wakeups.create(code=CODE, values=values, actor=ACTOR, now=then)
    wakeups.submit(code=CODE, actor=ACTOR, now=then)
    wakeups.start_due(now=then)
    while wakeups.run_due(now=then):
        pass
    _delivered(then)
    return Wakeup.objects.get(code=CODE)


def _template(code: str, text: dict[str, str], then: datetime) -> None:
    templating.save(
        code=code,
        name={"zh-hans": "回来有礼", "en": "Come back"},
        purpose="marketing",
        event="",
        enabled=True,
        channels=[Channel.SMS],
        body={"channels": {Channel.SMS: {"template_id": f"SMS_{code}", "fields": {"text": text}}}},
        actor=ACTOR,
        now=then,
        new=True,
    )
    templating.publish(code=code, actor=ACTOR, now=then)


def _delivered(then: datetime) -> None:
    """What the senders would have noted: some got none, every eleventh bounced, every sixth clicked."""
    told = Message.objects.filter(occasion__startswith="wakeup:").order_by("pk")
    agreed = Consent.objects.filter(purpose="marketing", granted=True).values("member_id")
    without = list(told.exclude(member_id__in=agreed).values_list("pk", flat=True))
    sent = list(told.exclude(pk__in=without).values_list("pk", flat=True))
    told.filter(pk__in=without).update(status="suppressed", reason="no_consent", due_at=None)
    told.filter(pk__in=sent).update(status="delivered", due_at=None, sent_at=then, delivered_at=then)
    told.filter(pk__in=sent[::11]).update(status="failed", reason="address_invalid", delivered_at=None)
    told.filter(pk__in=sent[1::6], status="delivered").update(clicked_at=then)
