"""The part of a campaign's form that says what rewards cost less on an exchange day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminIntegerFieldWidget

from campaigns.services.campaigns import exchange
from mall.models import Reward
from points.postings import MAX_POINTS

NEEDS: Final = "kind=exchange_day"
OFFERED: Final = 100
"""How many rewards and categories are offered at most; those chosen already come on top."""


class DiscountFields(forms.Form):
    """How much off, and of which rewards."""

    discount_percent = forms.IntegerField(
        label=_("Rewards cost less: per cent"),
        min_value=1,
        max_value=exchange.MOST_PERCENT,
        required=False,
        help_text=_("Of an exchange day. Either this or points."),
        widget=UnfoldAdminIntegerFieldWidget(attrs={"data-needs": NEEDS}),
    )
    discount_points = forms.IntegerField(
        label=_("Rewards cost less: points"),
        min_value=1,
        max_value=MAX_POINTS,
        required=False,
        help_text=_("So many points off each piece; one point is always left."),
        widget=UnfoldAdminIntegerFieldWidget(attrs={"data-needs": NEEDS}),
    )
    discount_rewards = forms.MultipleChoiceField(
        label=_("Which rewards"),
        required=False,
        help_text=_("Neither rewards nor categories chosen: all."),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    discount_categories = forms.MultipleChoiceField(
        label=_("Which categories"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )


def choose(fields: Mapping[str, Any], chosen: Mapping[str, Any] | None) -> None:
    """Fill in which rewards and categories there are, those of the catalogue first."""
    rewards, categories = (chosen or {}).get("rewards", ()), (chosen or {}).get("categories", ())
    published = Reward.objects.filter(status=Reward.Status.PUBLISHED)
    offered = [*published.order_by("sort", "-id")[:OFFERED], *Reward.objects.filter(pk__in=list(rewards))]
    known = published.exclude(category="").order_by("category").values_list("category", flat=True).distinct()
    names = {*(each.strip("/") for each in known[:OFFERED]), *categories}
    for name in ("discount_rewards", "discount_categories"):
        fields[name].widget.attrs["data-needs"] = NEEDS
    fields["discount_rewards"].choices = list({str(each.pk): str(each) for each in offered}.items())
    fields["discount_categories"].choices = [(name, name) for name in sorted(names)]
    if not names:
        fields["discount_categories"].help_text = _("No reward has a category yet.")


def shown_discount(discount: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the fields show of a discount."""
    return {f"discount_{name}": value for name, value in (discount or {}).items()}


def discount_of(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """The discount that the fields say, or None where nothing is filled in."""
    found = {name: data[f"discount_{name}"] for name in ("percent", "points", "rewards", "categories")}
    return exchange.stored(found) if any(found.values()) else None
