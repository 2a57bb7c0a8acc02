"""Roles of operators: a Group for each in the brand's schema, with what it may do.

A permission is written `app.action_model`, several actions as `app.view+change_model`. Besides Django's four
actions there are those of OPERATIONS: steps that a service takes, each allowed by itself.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from tenants.operators.models import Operator, Role

OPERATIONS: Final[Mapping[str, Sequence[str]]] = {
    "members.member": ("contact",),
    "members.activity": ("approve", "reject"),
    "points.account": ("adjust", "freeze", "report"),
    "points.entry": ("reverse",),
    "points.tierprogram": ("set",),
    "campaigns.campaign": ("start", "submit", "approve", "steer"),
    "campaigns.programmeplan": ("set",),
    "campaigns.wakeup": ("submit", "approve"),
    "campaigns.audiencegrant": ("submit", "approve"),
    "campaigns.claim": ("accept", "reject"),
    "campaigns.rule": ("submit", "approve", "publish", "retire", "simulate"),
    "analytics.monthclose": ("lock",),
    "analytics.unitcost": ("set",),
    "mall.reward": ("publish", "archive", "restock"),
    "mall.redemption": ("cancel", "fulfil"),
    "partners.apikey": ("revoke",),
    "partners.webhookendpoint": ("rotate",),
    "partners.webhookdelivery": ("resend",),
    "analytics.verification": ("run",),
    "outbox.job": ("cancel",),
    "operators.policychange": ("set",),
    "operators.compliancechange": ("set", "approve"),
}
"""What can be done beyond view, add, change and delete."""

_LOOK_AT_MEMBERS: Final = (
    "members.view_member",
    "members.view_identity",
    "members.view_purchase",
    "members.view_purchaseline",
    "members.view_purchasereturn",
    "members.view_parkedreturn",
    "members.view_activity",
)
_LOOK_AT_POINTS: Final = (
    "points.view_account",
    "points.view_entry",
    "points.view_checkpoint",
    "points.view_lot",
    "points.view_consumption",
    "points.view_hold",
    "points.view_adjustmentrequest",
    "points.view_tierprogram",
    "points.view_membertier",
)
_LOOK_AT_MALL: Final = (
    "mall.view_reward",
    "mall.view_offer",
    "mall.view_stockitem",
    "mall.view_redemption",
    "mall.view_redemptionstep",
)
_LOOK_AT_MESSAGES: Final = (
    "campaigns.view_message",
    "campaigns.view_messagetemplate",
    "campaigns.view_messagechannel",
)
_LOOK_AT_RULES: Final = (
    "campaigns.view_ruleversion",
    "campaigns.view_rulesubmission",
    "campaigns.view_tiersubmission",
    "campaigns.view_rulestep",
    "campaigns.view_moment",
)
GRANTS: Final[Mapping[str, Sequence[str]]] = {
    Role.OWNER: (
        *_LOOK_AT_MEMBERS,
        "members.approve+reject_activity",
        "members.change+contact_member",
        "campaigns.view+accept+reject_claim",
        *_LOOK_AT_POINTS,
        "points.adjust+freeze+report_account",
        "analytics.lock_monthclose",
        "analytics.set_unitcost",
        "points.reverse_entry",
        "points.set_tierprogram",
        *_LOOK_AT_MALL,
        "mall.add+change+publish+archive+restock_reward",
        "mall.cancel+fulfil_redemption",
        "campaigns.view+add+change+submit+approve+publish+retire_rule",
        "campaigns.view+add+change_segment",
        "campaigns.view+add+change+submit+approve_wakeup",
        "campaigns.view+add+change+submit+approve_audiencegrant",
        "campaigns.simulate_rule",
        *_LOOK_AT_MESSAGES,
        "campaigns.add+change_messagetemplate",
        "campaigns.add+change_messagechannel",
        "campaigns.view+add+change+start+submit+approve+steer_campaign",
        "campaigns.set_programmeplan",
        *_LOOK_AT_RULES,
        "partners.view+add+revoke_apikey",
        "partners.view+add+change+rotate_webhookendpoint",
        "partners.view+resend_webhookdelivery",
        "partners.view_webhookattempt",
        "outbox.view_outboxevent",
        "analytics.view+run_verification",
        "outbox.view+cancel_job",
        "operators.view+add+change_operator",
        "operators.view+set_policychange",
        "operators.view+set+approve_compliancechange",
    ),
    Role.MARKETING: (
        *_LOOK_AT_MEMBERS,
        "members.approve+reject_activity",
        *_LOOK_AT_POINTS,
        *_LOOK_AT_MALL,
        "mall.add+change+publish+archive+restock_reward",
        "campaigns.view+add+change+submit+publish+retire_rule",
        "campaigns.view+add+change_segment",
        "campaigns.view+add+change+submit_wakeup",
        "campaigns.view+add+change+submit_audiencegrant",
        "campaigns.simulate_rule",
        *_LOOK_AT_MESSAGES,
        "campaigns.add+change_messagetemplate",
        "campaigns.view+add+change+start+submit+steer_campaign",
        *_LOOK_AT_RULES,
        "points.report_account",
        "points.set_tierprogram",
        "operators.view_policychange",
        "operators.view+approve_compliancechange",
    ),
    Role.CARE: (
        *_LOOK_AT_MEMBERS,
        "members.approve+reject_activity",
        "members.change+contact_member",
        "campaigns.view+accept+reject_claim",
        *_LOOK_AT_POINTS,
        "points.adjust+freeze_account",
        "points.reverse_entry",
        "campaigns.view_message",
        "campaigns.view_rule",
        "campaigns.view_ruleversion",
        "campaigns.view_moment",
        "campaigns.view_campaign",
        "mall.view_reward",
        "mall.view_redemption",
        "mall.view_redemptionstep",
        "mall.cancel_redemption",
    ),
    Role.SHOP: (
        "members.view_purchase",
        "members.view_purchaseline",
        "members.view_purchasereturn",
        *_LOOK_AT_MALL,
        "mall.restock_reward",
        "mall.fulfil_redemption",
    ),
}


def install(template: str, *, now: datetime) -> None:
    """Create the groups of the roles in a new brand. Safe to repeat."""
    after_migration()


def revision() -> str:
    """A digest of the roles: a brand whose roles are older is migrated anew."""
    text = repr(sorted(OPERATIONS.items())) + repr([(str(role), grants) for role, grants in GRANTS.items()])
    return hashlib.sha256(text.encode()).hexdigest()


def after_migration() -> None:
    """Make permissions and groups of the current schema what they should be. Safe to repeat."""
    with transaction.atomic():
        known = _permissions()
        for role, grants in GRANTS.items():
            group, _created = Group.objects.get_or_create(name=role)
            group.permissions.set([known[name] for name in spelled_out(grants) if name in known])


def assign(operator: Operator) -> None:
    """Put the operator into the group of their role, and into no other."""
    group, _created = Group.objects.get_or_create(name=operator.role)
    operator.groups.set([group])


def spelled_out(grants: Sequence[str]) -> Iterator[str]:
    """`app.view+change_model` as `app.view_model`, `app.change_model`."""
    for grant in grants:
        app, rest = grant.split(".")
        actions, model = rest.rsplit("_", 1)
        for action in actions.split("+"):
            yield f"{app}.{action}_{model}"


def _permissions() -> dict[str, Permission]:
    """All permissions of this schema by `app.codename`, those of OPERATIONS among them."""
    for label, actions in OPERATIONS.items():
        app, model = label.split(".")
        if not apps.is_installed(apps.get_app_config(app).name) or model not in apps.all_models[app]:
            continue
        content_type = ContentType.objects.get_for_model(apps.get_model(app, model))
        for action in actions:
            Permission.objects.get_or_create(
                content_type=content_type,
                codename=f"{action}_{model}",
                defaults={"name": f"Can {action} {model}"},
            )
    return {
        f"{p.content_type.app_label}.{p.codename}": p
        for p in Permission.objects.select_related("content_type")
    }
