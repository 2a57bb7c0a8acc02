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
# Read once for all and joined: asked member by member, 100,000 members took longer than a count may.
_SAID: Final = (
    "LEFT JOIN (SELECT DISTINCT ON (c.member_id) c.member_id, c.granted FROM members_consent c"
    " WHERE c.purpose = %({purpose})s ORDER BY c.member_id, c.at DESC, c.recorded_at DESC, c.id DESC"
    ") {name} ON {name}.member_id = one.id "
)
_IDENTIFIED: Final = (
    "LEFT JOIN (SELECT DISTINCT i.member_id FROM members_identity i WHERE i.provider = %(reach_provider)s"
    " AND %(reach_app)s IN ('', i.app_id)) address ON address.member_id = one.id "
)
_KNOWN: Final = "".join(
    (
        _SAID.format(name="said_all", purpose="reach_all"),
        _SAID.format(name="said_this", purpose="reach_this"),
        _IDENTIFIED,
    )
)
_AGREED: Final = "coalesce(said_all.granted, false) AND coalesce(said_this.granted, true)"
_ADDRESS: Final = "address.member_id IS NOT NULL"
_SUBSCRIBED: Final = (
    "LEFT JOIN (SELECT DISTINCT s.member_id FROM campaigns_subscriptionconsent s"
    " WHERE s.app_id = %(reach_app)s AND s.template_id = ANY(%(reach_templates)s)"
    " AND s.remaining > 0) left_over ON left_over.member_id = one.id "
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
    joins = _KNOWN
    if wakeup.channel == Channel.WECHAT_SUBSCRIBE:
        values["reach_templates"] = _wechat_templates(wakeup)
        joins += _SUBSCRIBED
        address += " AND left_over.member_id IS NOT NULL"
    found = audience.shares(definition, here, joins=joins, further=[_AGREED, address], values=values)
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
