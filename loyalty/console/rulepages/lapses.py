"""Rules that name what is gone, for the list and for the page of each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils.html import format_html, format_html_join

from campaigns.lapsed import lapsed
from campaigns.models import Rule, RuleVersion
from loyalty.lib.errors import Text


def of(rules: Sequence[Rule], now: datetime) -> dict[UUID, list[Text]]:
    """What each rule names that is gone, in the version that runs or in the draft. Retired ones are over."""
    alive = [rule for rule in rules if rule.status != Rule.Status.RETIRED]
    if not alive:
        return {}
    bodies: dict[UUID, list[dict[str, Any]]] = {rule.pk: [rule.draft] if rule.draft else [] for rule in alive}
    running = RuleVersion.objects.filter(rule__in=alive, version=F("rule__current_version"))
    for rule_id, body in running.values_list("rule_id", "body"):
        bodies[rule_id].append(body)
    return lapsed(bodies, now)


def below(sentence: str, said: Sequence[Text]) -> str:
    """A rule's sentence in a list, with what it names that is gone in lines of its own."""
    if not said:
        return sentence
    gone = format_html_join("", '<span class="lapsed">{}</span>', ((each,) for each in said))
    return format_html("{}{}", sentence, gone)
