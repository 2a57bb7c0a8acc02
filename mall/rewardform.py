"""The form of a reward and its main offer, as operators fill it in."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from loyalty.lib import clock, money
from loyalty.lib.console import ServiceForm
from loyalty.lib.timefields import MomentField
from loyalty.lib.words import pick
from mall import services as mall
from mall.models import Reward
from points.postings import MAX_POINTS
from points.services import tiers

LANGUAGES = {"zh": "zh-hans", "en": "en"}


class RewardForm(ServiceForm):
    """Texts in both languages, price, conditions, and for a new reward its stock."""

    fields_of = {"name": "name_zh", "description": "description_zh"}
    name_zh = forms.CharField(
        label=_("Name (Chinese)"), max_length=120, required=False, widget=UnfoldAdminTextInputWidget
    )
    name_en = forms.CharField(
        label=_("Name (English)"), max_length=120, required=False, widget=UnfoldAdminTextInputWidget
    )
    description_zh = forms.CharField(
        label=_("Description (Chinese)"),
        max_length=2000,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    description_en = forms.CharField(
        label=_("Description (English)"),
        max_length=2000,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=Reward.Kind.choices, widget=UnfoldAdminSelectWidget)
    category = forms.CharField(
        label=_("Category"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget
    )
    image = forms.URLField(
        label=_("Image (URL)"),
        max_length=500,
        required=False,
        assume_scheme="https",
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "url"}),
    )
    tags = forms.CharField(
        label=_("Tags"),
        max_length=400,
        required=False,
        help_text=_("Separated by commas. Some tags are closed by law (infant formula, tobacco …)."),
        widget=UnfoldAdminTextInputWidget,
    )
    points = forms.IntegerField(
        label=_("Points"), min_value=1, max_value=MAX_POINTS, widget=UnfoldAdminIntegerFieldWidget
    )
    unit_cost = forms.DecimalField(
        label=_("Cost of a piece"),
        min_value=0,
        max_value=10**11,
        decimal_places=4,
        required=False,
        help_text=_("In the brand's currency. Left empty: what its points cost."),
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
    )
    limit_per_member = forms.IntegerField(
        label=_("Limit for each member"),
        min_value=1,
        required=False,
        help_text=_("Left empty, there is none."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    starts_at = MomentField(label=_("From"), required=False)
    ends_at = MomentField(label=_("Until"), required=False)
    tier_min = forms.ChoiceField(label=_("From tier"), required=False, widget=UnfoldAdminSelectWidget)
    sku = forms.CharField(label=_("SKU"), max_length=64, required=False, widget=UnfoldAdminTextInputWidget)
    stock = forms.IntegerField(
        label=_("Pieces on hand"),
        min_value=0,
        required=False,
        help_text=_("Left empty, there is as much of it as wanted."),
        widget=UnfoldAdminIntegerFieldWidget,
    )

    class Meta:
        model = Reward
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        program = tiers.program()
        choice: Any = self.fields["tier_min"]
        levels = program.levels if program else ()
        choice.choices = [("", "–"), *((each.code, pick(dict(each.name)) or each.code) for each in levels)]
        self.known = not self.instance._state.adding
        if self.known:
            del self.fields["sku"], self.fields["stock"]
            for name, value in shown(self.instance).items():
                self.fields[name].initial = value

    def clean(self) -> dict[str, Any]:
        """At least one name; then the service."""
        if not (self.cleaned_data.get("name_zh") or self.cleaned_data.get("name_en")):
            self.add_error("name_zh", _("At least one language is needed."))
        return super().clean()

    def write(self, data: dict[str, Any]) -> Reward:
        """Create or change reward and main offer. Raises Invalid."""
        values = {
            name: data[name]
            for name in (
                "kind",
                "category",
                "image",
                "points",
                "unit_cost",
                "limit_per_member",
                "starts_at",
                "ends_at",
            )
        }
        values |= {
            "name": {LANGUAGES[k]: data[f"name_{k}"] for k in LANGUAGES if data[f"name_{k}"]},
            "description": {
                LANGUAGES[k]: data[f"description_{k}"] for k in LANGUAGES if data[f"description_{k}"]
            },
            "tags": [tag.strip() for tag in data["tags"].replace("，", ",").split(",") if tag.strip()],
            "tier_min": data["tier_min"],
        }
        if self.known:
            return mall.update_reward(reward_id=self.instance.pk, values=values, now=clock.now())
        values |= {"sku": data["sku"], "stock": data["stock"]}
        return mall.create_reward(values=values, actor=self.actor, now=clock.now())


def shown(reward: Reward) -> dict[str, Any]:
    """What the form begins with for a reward that exists."""
    offer = reward.offers.filter(is_main=True).first()
    return {
        **{f"name_{k}": reward.name.get(LANGUAGES[k], "") for k in LANGUAGES},
        **{f"description_{k}": reward.description.get(LANGUAGES[k], "") for k in LANGUAGES},
        "kind": reward.kind,
        "category": reward.category,
        "image": reward.image,
        "tags": ", ".join(reward.tags),
        "points": offer.points if offer else None,
        "unit_cost": None if reward.unit_cost is None else money.plain(reward.unit_cost),
        "limit_per_member": offer.limit_per_member if offer else None,
        "starts_at": offer.starts_at if offer else None,
        "ends_at": offer.ends_at if offer else None,
        "tier_min": offer.tier_min if offer else "",
    }
