"""Data and options for Chart.js, which unfold brings along: nothing is loaded from elsewhere."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from django.utils import formats, translation

COLOURS: Final[Mapping[str, str]] = {
    "accrued": "#0d9488",
    "burned": "#f59e0b",
    "expired": "#94a3b8",
    "taken_back": "#e11d48",
    "members": "#2563eb",
    "liability": "#7c3aed",
    "orders": "#0284c7",
    "redemptions": "#f59e0b",
    "today": "#94a3b8",
    "draft": "#2563eb",
}
_INK = "#9ca3af"
_LOCALES: Final[Mapping[str, str]] = {"zh-hans": "zh-CN", "en": "en-GB"}


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a chart: its name in words, its colour by name, its values in the order of the days."""

    label: str
    colour: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as the template needs it: `data` and `options` are JSON for Chart.js."""

    name: str
    title: str
    note: str
    type: str
    lines: Sequence[Line]
    data: str = ""
    options: str = ""
    wide: bool = False
    legend: Sequence[tuple[str, str]] = field(default_factory=tuple)


def chart(
    name: str,
    title: str,
    days: Sequence[date],
    lines: Sequence[Line],
    *,
    note: str = "",
    kind: str = "bar",
    stacked: bool = False,
    wide: bool = False,
    labels: Sequence[str] = (),
) -> Chart:
    """A chart over days: bars, or a filled line. Numbers are written as the active language writes them.

    `labels` stand below the bars of what is no day.
    """
    data = {
        "labels": list(labels) or [formats.date_format(day, "MONTH_DAY_FORMAT") for day in days],
        "datasets": [_dataset(line, kind) for line in lines],
    }
    return Chart(
        name=name,
        title=title,
        note=note,
        type=kind,
        lines=lines,
        data=json.dumps(data, ensure_ascii=False),
        options=json.dumps(_options(stacked=stacked, names=bool(labels))),
        wide=wide,
        legend=[(line.label, COLOURS[line.colour]) for line in lines] if len(lines) > 1 else (),
    )


def _dataset(line: Line, kind: str) -> dict[str, Any]:
    colour = COLOURS[line.colour]
    shared = {"label": line.label, "data": list(line.values), "borderColor": colour}
    if kind == "line":
        smooth = {"cubicInterpolationMode": "monotone", "pointRadius": 0, "pointHitRadius": 12}
        return {**shared, "backgroundColor": f"{colour}22", "fill": True, "borderWidth": 2, **smooth}
    return {**shared, "backgroundColor": colour, "borderRadius": 3, "borderWidth": 0, "maxBarThickness": 28}


def _options(*, stacked: bool, names: bool) -> dict[str, Any]:
    language = translation.get_language() or "en"
    tick = {"color": _INK, "font": {"size": 11}}
    # Of days some may be left out, since one knows what lies between; a bar without its name says nothing.
    below = {"maxRotation": 60, "autoSkip": False} if names else {"maxRotation": 0, "autoSkip": True}
    return {
        "animation": False,
        "responsive": True,
        "maintainAspectRatio": False,
        "locale": _LOCALES.get(language, "en-GB"),
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {"legend": {"display": False}, "tooltip": {"enabled": True}},
        "scales": {
            "x": {
                "stacked": stacked,
                "grid": {"display": False},
                "border": {"display": False},
                "ticks": {**tick, **below, "autoSkipPadding": 16},
            },
            "y": {
                "stacked": stacked,
                "grid": {"lineWidth": 1},
                "border": {"display": False},
                "beginAtZero": True,
                "ticks": {**tick, "maxTicksLimit": 6, "precision": 0},
            },
        },
    }
