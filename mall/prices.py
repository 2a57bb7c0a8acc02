"""What a reward costs now: its offer's price, less the best price cut that holds for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mall.models import Reward


@dataclass(frozen=True, slots=True)
class Cut:
    """A price cut that holds now, until before `until`: `percent` or `points` off.

    `rewards` are ids as text; neither rewards nor categories: all rewards.
    """

    campaign: str
    percent: int | None
    points: int | None
    rewards: frozenset[str]
    categories: frozenset[str]
    until: datetime

    def is_for(self, reward: Reward) -> bool:
        """Whether it holds for the reward: named itself, or by its category or one above that."""
        if not self.rewards and not self.categories:
            return True
        parts = reward.category.strip("/").split("/")
        paths = {"/".join(parts[: depth + 1]) for depth in range(len(parts))}
        return str(reward.id) in self.rewards or not self.categories.isdisjoint(paths)

    def lowered(self, points: int) -> int:
        """The price that is left of `points`, rounded up to a whole point, and never less than one."""
        if self.percent is not None:
            return max(1, -(-points * (100 - self.percent) // 100))
        return max(1, points - (self.points or 0))


@dataclass(frozen=True, slots=True)
class Price:
    """What a piece costs, and what it would cost without the cut (`cut` is None where there is none)."""

    points: int
    full: int
    cut: Cut | None = None


def price(points: int, reward: Reward, cuts: Iterable[Cut]) -> Price:
    """The lowest price of a piece. Of equal ones that of the campaign whose code comes first."""
    fitting = [(cut.lowered(points), cut.campaign, cut) for cut in cuts if cut.is_for(reward)]
    best = min(fitting, key=lambda each: each[:2], default=None)
    if best is None or best[0] >= points:
        return Price(points, points)
    return Price(best[0], points, best[2])
