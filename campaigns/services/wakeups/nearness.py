"""What a wake-up to members who are almost there may name: the reward, and how much is missing for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from campaigns.models import Segment
from campaigns.services import segments
from mall.models import Offer


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
