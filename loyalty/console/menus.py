"""The menu of each host, by permission, and the names at its top."""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.models import Brand

Text = str | Promise
MOST_COUNTED = 99


def brand_of(request: HttpRequest) -> Brand | None:
    """The brand whose console this is; None on the platform's host."""
    brand = getattr(request, "tenant", None)
    return brand if isinstance(brand, Brand) else None


def title(request: HttpRequest) -> str:
    """The brand's name, or that of the platform."""
    brand = brand_of(request)
    return brand.name if brand else _("Loyalty platform")


def subtitle(request: HttpRequest) -> str:
    """What this place is, below the name."""
    return _("Loyalty console") if brand_of(request) else _("All brands")


def favicon(_request: HttpRequest) -> str:
    """The icon in the browser's tab."""
    return static("console/icon.svg")


def stylesheet(_request: HttpRequest) -> str:
    """Our additions to unfold's styles."""
    return static("console/console.css")


def script(_request: HttpRequest) -> str:
    """Our additions to unfold's scripts."""
    return static("console/console.js")


def environment(_request: HttpRequest) -> list[str] | None:
    """A badge that says that this is no production."""
    return None if settings.PRODUCTION else [_("Development"), "info"]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu of this host. An entry without permission is left out by unfold."""
    if not brand_of(request):
        return platform_menu()
    return brand_menu(
        to_approve(request),
        rules_to_approve(request),
        tiers_to_approve(request),
        matrix_to_approve(request),
        claims_to_decide(request),
        campaigns_to_approve(request),
        wakeups_to_approve(request),
        grants_to_approve(request),
        policies_waiting=policies_to_approve(request),
    )


def may_see(model: str) -> Callable[[HttpRequest], bool]:
    """Whether the operator may view `app.model`."""
    app, name = model.split(".")
    return lambda request: (
        request.user.has_perm(f"{app}.view_{name}") or request.user.has_perm(f"{app}.change_{name}")
    )


def _item(label: Text, icon: str, model: str) -> dict[str, Any]:
    app, name = model.split(".")
    return {
        "title": label,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": may_see(model),
    }


def _report(label: Text, icon: str, name: str) -> dict[str, Any]:
    return {
        "title": label,
        "icon": icon,
        "link": reverse_lazy(f"admin:finance_{name}"),
        "permission": lambda request: request.user.has_perm("points.report_account"),
    }


def _home(label: Text) -> dict[str, Any]:
    return {"items": [{"title": label, "icon": "space_dashboard", "link": reverse_lazy("admin:index")}]}


def to_approve(request: HttpRequest) -> str:
    """How many adjustments wait for a second operator; nothing for none, and for those who do not decide."""
    if not request.user.has_perm("points.adjust_account"):
        return ""
    return _waiting("points", "AdjustmentRequest")


def rules_to_approve(request: HttpRequest) -> str:
    """How many rules wait for a second operator; nothing for none, and for those who do not decide."""
    if not request.user.has_perm("campaigns.approve_rule"):
        return ""
    return _waiting("campaigns", "RuleSubmission")


def tiers_to_approve(request: HttpRequest) -> str:
    """Whether tiers wait for a second operator; nothing for none, and for those who do not decide."""
    if not request.user.has_perm("campaigns.approve_rule"):
        return ""
    return _waiting("campaigns", "TierSubmission")


def policies_to_approve(request: HttpRequest) -> str:
    """Whether a change of policies waits for a second operator; nothing for those who do not decide."""
    if not request.user.has_perm("operators.set_policychange"):
        return ""
    return _waiting("operators", "PolicyChange")


def matrix_to_approve(request: HttpRequest) -> str:
    """How many cells of the matrix wait for a second operator; nothing for those who do not decide."""
    if not request.user.has_perm("operators.approve_compliancechange"):
        return ""
    return _waiting("operators", "ComplianceChange")


def campaigns_to_approve(request: HttpRequest) -> str:
    """How many campaigns wait for a second operator; nothing for none, and for those who do not decide."""
    if not request.user.has_perm("campaigns.approve_campaign"):
        return ""
    return _waiting("campaigns", "Campaign")


def wakeups_to_approve(request: HttpRequest) -> str:
    """How many wake-ups wait for a second operator; nothing for those who do not decide."""
    if not request.user.has_perm("campaigns.approve_wakeup"):
        return ""
    return _waiting("campaigns", "Wakeup", "submitted")


def grants_to_approve(request: HttpRequest) -> str:
    """How many grants to an audience wait for a second operator; nothing for those who do not decide."""
    if not request.user.has_perm("campaigns.approve_audiencegrant"):
        return ""
    return _waiting("campaigns", "AudienceGrant", "submitted")


def claims_to_decide(request: HttpRequest) -> str:
    """How many claims of members are open; nothing for none, and for those who do not decide."""
    if not request.user.has_perm("campaigns.accept_claim"):
        return ""
    return _waiting("campaigns", "Claim", "open")


def _waiting(app: str, model: str, status: str = "pending_approval") -> str:
    found = apps.get_model(app, model).objects.filter(status=status)
    count = found[:MOST_COUNTED].count()
    return "" if not count else f"{count}+" if count == MOST_COUNTED else str(count)


def _badge(waiting: str) -> dict[str, Any]:
    return {"badge": waiting, "badge_variant": "warning"} if waiting else {}


def brand_menu(
    waiting: str = "",
    rules_waiting: str = "",
    tiers_waiting: str = "",
    matrix_waiting: str = "",
    claims_waiting: str = "",
    campaigns_waiting: str = "",
    wakeups_waiting: str = "",
    grants_waiting: str = "",
    *,
    policies_waiting: str = "",
) -> list[dict[str, Any]]:
    """The console of a brand; what waits for a second operator is told at its place."""
    return [
        _home(gettext_lazy("Dashboard")),
        {
            "title": gettext_lazy("Members"),
            "items": [
                _item(gettext_lazy("Members"), "group", "members.member"),
                _item(gettext_lazy("Points accounts"), "account_balance_wallet", "points.account"),
                _item(gettext_lazy("Ledger"), "receipt_long", "points.entry"),
                _item(gettext_lazy("Checkpoints"), "verified", "points.checkpoint"),
                _item(gettext_lazy("Orders"), "shopping_bag", "members.purchase"),
                {
                    **_item(gettext_lazy("Members' claims"), "receipt", "campaigns.claim"),
                    **_badge(claims_waiting),
                },
                {
                    **_item(gettext_lazy("Adjustments to approve"), "fact_check", "points.adjustmentrequest"),
                    **_badge(waiting),
                },
            ],
        },
        {
            "title": gettext_lazy("Programme"),
            "items": [
                _item(gettext_lazy("Earning rules"), "rule", "campaigns.rule"),
                {
                    **_item(gettext_lazy("Rules to approve"), "approval", "campaigns.rulesubmission"),
                    **_badge(rules_waiting),
                },
                {
                    "title": gettext_lazy("Tiers"),
                    "icon": "military_tech",
                    "link": reverse_lazy("admin:tiers"),
                    "permission": may_see("points.tierprogram"),
                },
                {
                    **_item(gettext_lazy("Tiers to approve"), "approval", "campaigns.tiersubmission"),
                    **_badge(tiers_waiting),
                },
                {
                    **_item(gettext_lazy("Campaigns"), "campaign", "campaigns.campaign"),
                    **_badge(campaigns_waiting),
                },
                {
                    "title": gettext_lazy("Campaign calendar"),
                    "icon": "event",
                    "link": reverse_lazy("admin:campaign_calendar"),
                    "permission": may_see("campaigns.campaign"),
                },
                _item(gettext_lazy("Activities"), "directions_run", "members.activity"),
                _item(gettext_lazy("Moments"), "celebration", "campaigns.moment"),
                {
                    "title": gettext_lazy("Simulations"),
                    "icon": "query_stats",
                    "link": reverse_lazy("admin:simulations"),
                    "permission": lambda request: request.user.has_perm("campaigns.simulate_rule"),
                },
            ],
        },
        {
            "title": gettext_lazy("Messages"),
            "items": [
                _item(gettext_lazy("Message templates"), "sms", "campaigns.messagetemplate"),
                _item(gettext_lazy("Message log"), "mark_email_read", "campaigns.message"),
                _item(gettext_lazy("Channels"), "cell_tower", "campaigns.messagechannel"),
            ],
        },
        {
            "title": gettext_lazy("Audiences"),
            "items": [
                _item(gettext_lazy("Segments"), "groups", "campaigns.segment"),
                {
                    **_item(gettext_lazy("Wake-ups"), "notifications_active", "campaigns.wakeup"),
                    **_badge(wakeups_waiting),
                },
                {
                    **_item(gettext_lazy("Audience grants"), "volunteer_activism", "campaigns.audiencegrant"),
                    **_badge(grants_waiting),
                },
            ],
        },
        {
            "title": gettext_lazy("Mall"),
            "items": [
                _item(gettext_lazy("Rewards"), "redeem", "mall.reward"),
                _item(gettext_lazy("Redemptions"), "confirmation_number", "mall.redemption"),
                _item(gettext_lazy("Stock"), "inventory_2", "mall.stockitem"),
            ],
        },
        {
            "title": gettext_lazy("Finance"),
            "items": [
                _report(gettext_lazy("Liability"), "account_balance", "liability"),
                _report(gettext_lazy("Roll-forward"), "calendar_month", "roll_forward"),
                _report(gettext_lazy("Breakage"), "hourglass_disabled", "breakage"),
                _report(gettext_lazy("Cost of a point"), "price_change", "costs"),
                {
                    "title": gettext_lazy("Programme budget"),
                    "icon": "savings",
                    "link": reverse_lazy("admin:programme_budget"),
                    "permission": lambda request: request.user.has_perm("points.report_account"),
                },
            ],
        },
        {
            "title": gettext_lazy("Integration"),
            "items": [
                _item(gettext_lazy("API keys"), "key", "partners.apikey"),
                _item(gettext_lazy("Webhooks"), "webhook", "partners.webhookendpoint"),
                _item(gettext_lazy("Deliveries"), "send", "partners.webhookdelivery"),
                _item(gettext_lazy("Events"), "bolt", "outbox.outboxevent"),
                _item(gettext_lazy("Jobs"), "pending_actions", "outbox.job"),
            ],
        },
        {
            "title": gettext_lazy("Team"),
            "items": [
                _item(gettext_lazy("Operators"), "badge", "operators.operator"),
                {
                    "title": gettext_lazy("Policies"),
                    "icon": "policy",
                    "link": reverse_lazy("admin:policies"),
                    "permission": may_see("operators.policychange"),
                    **_badge(policies_waiting),
                },
                {
                    "title": gettext_lazy("Compliance"),
                    "icon": "gavel",
                    "link": reverse_lazy("admin:compliance"),
                    "permission": may_see("operators.compliancechange"),
                    **_badge(matrix_waiting),
                },
                _item(gettext_lazy("Books verified"), "verified", "analytics.verification"),
            ],
        },
    ]


def platform_menu() -> list[dict[str, Any]]:
    """The console of the platform."""
    return [
        _home(gettext_lazy("Overview")),
        {
            "title": gettext_lazy("Platform"),
            "items": [
                _item(gettext_lazy("Brands"), "storefront", "tenants.brand"),
                _item(gettext_lazy("Hosts"), "language", "tenants.domain"),
                _item(gettext_lazy("Operators"), "badge", "operators.operator"),
            ],
        },
    ]
