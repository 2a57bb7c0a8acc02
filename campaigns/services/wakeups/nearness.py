"""What the texts of a wake-up may name: of a reward that is near what is missing for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from campaigns import occasions
from campaigns.models import Segment, Wakeup
from campaigns.services import segments
from loyalty.lib.errors import Invalid
from mall.models import Offer

OF_TASK: Final = frozenset({"task_points", "task_min_spend", "task_until_at"})
OF_NEAR: Final = frozenset({"reward", "missing"})
OF_ALL: Final = frozenset({*occasions.ALWAYS, *occasions.WAKEUP}) - OF_TASK - OF_NEAR


@dataclass(frozen=True, slots=True)
class Near:
    """A reward that everybody in an audience has too few points for, and its price."""

    name: Mapping[str, str]
    tags: tuple[str, ...]
    price: int

    @property
    def facts(self) -> dict[str, Any]:
        """What holds for every member; by its tags compliance keeps back what may not be advertised."""
        return {"reward": self.name, "tags": list(self.tags)}


def of(segment: Segment) -> Near | None:
    """The one reward that the segment says its members are short of; None where it is none, or several.

    Raises Invalid for a segment that no longer holds.
    """
    wanted = segments.definition_of(segment).groups["all"]
    named = {each.more["reward"] for each in wanted if each.fact == "points.short_of"}
    if len(named) != 1:
        return None
    # As the audience reckons: the main offer, without the price cut of a day.
    offers = Offer.objects.select_related("reward").filter(reward_id=named.pop(), is_main=True, enabled=True)
    offer = offers.first()
    if offer is None:
        return None
    return Near(offer.reward.name, tuple(offer.reward.tags), offer.points)


def facts_known(wakeup: Wakeup) -> frozenset[str]:
    """The names of the facts that the wake-up's texts may name, as its task and its segment are."""
    known = OF_ALL | OF_TASK if wakeup.task_points else OF_ALL
    try:
        near = of(wakeup.segment)
    except Invalid:  # refused elsewhere, and for that
        return known | OF_NEAR
    return known | OF_NEAR if near else known
