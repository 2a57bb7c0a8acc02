"""Whom a wake-up would reach if it went out now, told before anybody agrees to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from campaigns import audience
from campaigns.models import Channel, Wakeup
from campaigns.services import segments
from campaigns.services.messages import reach, templating, texts
from campaigns.services.wakeups import deciding
from loyalty.lib import words

# As messages are judged (judging.py): the latest word on marketing, and nothing said against this channel.
_SAID: Final = (
    "(SELECT c.granted FROM members_consent c WHERE c.purpose = %({purpose})s AND c.member_id = m.id"
    " ORDER BY c.at DESC, c.recorded_at DESC, c.id DESC LIMIT 1)"
)
_AGREED: Final = (
    f"coalesce({_SAID.format(purpose='reach_all')}, false) AND"
    f" coalesce({_SAID.format(purpose='reach_this')}, true)"
)
_ADDRESS: Final = (
    "EXISTS (SELECT 1 FROM members_identity i WHERE i.member_id = m.id AND i.provider = %(reach_provider)s"
    " AND %(reach_app)s IN ('', i.app_id))"
)
_SUBSCRIBED: Final = (
    "EXISTS (SELECT 1 FROM campaigns_subscriptionconsent s WHERE s.member_id = m.id"
    " AND s.app_id = %(reach_app)s AND s.template_id = ANY(%(reach_templates)s) AND s.remaining > 0)"
)


@dataclass(frozen=True, slots=True)
class Reached:
    """How many members there are, how many agree to be written to by the channel, how many of those have an
    address there; None where counting takes too long. `channel_off`: nobody is reached, whoever agrees."""

    members: int
    agreed: int | None
    reachable: int | None
    estimated: bool = False
    channel_off: bool = False


def reached(*, wakeup: Wakeup, now: datetime) -> Reached:
    """Whom the wake-up would reach now, held out or not, without caps and quiet hours; one query over the
    members. Raises Invalid for a segment that no longer holds."""
    definition, here = segments.definition_of(wakeup.segment), segments.around(now)
    setup = reach.setups().get(wakeup.channel)
    values: dict[str, Any] = {
        "reach_all": "marketing",
        "reach_this": f"marketing.{wakeup.channel}",
        "reach_provider": reach.PROVIDERS.get(Channel(wakeup.channel), ""),
        "reach_app": setup.app_id if setup else "",
    }
    address = "true" if wakeup.channel == Channel.WEBHOOK else _ADDRESS
    if wakeup.channel == Channel.WECHAT_SUBSCRIBE:
        values["reach_templates"] = _wechat_templates(wakeup)
        address = f"{address} AND {_SUBSCRIBED}"
    found = audience.shares(definition, here, further=[_AGREED, address], values=values)
    if found is None:
        size = audience.count(definition, here)
        return Reached(size.members, None, None, size.estimated, setup is None)
    agreed, reachable = found.of_them
    return Reached(found.members, agreed, reachable if setup else 0, found.estimated, setup is None)


def _wechat_templates(wakeup: Wakeup) -> list[str]:
    """WeChat's templates by which the messages go out, in any language."""
    bodies = [templating.running(row) for row in deciding.templates(wakeup).values()]
    parts = [body.get("channels", {}).get(wakeup.channel, {}) for body in bodies]
    return sorted({texts.template_id(part, language) for part in parts for language in words.LANGUAGES})
