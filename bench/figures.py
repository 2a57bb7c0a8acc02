"""A measured figure and the floor it is held against."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """`measured` and `floor` in the same unit, with the ratios that are wanted (perf.md).

    More is better, or, where `at_most`, less: `gate` and `stretch` are bounds from the other side then.
    """

    name: str
    measured: float
    floor: float
    gate: float | None = None
    stretch: float | None = None
    note: str = ""
    at_most: bool = False

    @property
    def ratio(self) -> float:
        """What was reached of the floor."""
        return self.measured / self.floor if self.floor else 0.0

    @property
    def missed(self) -> bool:
        """Whether the gate was missed."""
        if self.gate is None:
            return False
        return self.ratio > self.gate if self.at_most else self.ratio < self.gate

    def line(self) -> str:
        """The figure as a row of the table."""
        gate = f"{self.gate:.2f}" if self.gate is not None else "-"
        stretch = f"{self.stretch:.2f}" if self.stretch is not None else "-"
        row = f"{self.name:58} {self.measured:10.0f} {self.floor:10.0f} {self.ratio:7.2f}"
        row = f"{row} {gate:>6} {stretch:>8}"
        return f"{row}{'  MISSED' if self.missed else ''}{'  ' + self.note if self.note else ''}"


def alternate(
    first: Callable[[], float], second: Callable[[], float], rounds: int = 3
) -> tuple[float, float]:
    """The medians of both, measured in turn, so that a noisy neighbour disturbs both alike."""
    pairs = [(first(), second()) for _round in range(rounds)]
    return median(p[0] for p in pairs), median(p[1] for p in pairs)
