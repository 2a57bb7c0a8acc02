"""Why members earn: rules, caps, moments, kinds of activities, campaigns; and the messages that tell them."""

from campaigns.models.audiences import AudienceGrant, Segment, SegmentMember
from campaigns.models.campaign import (
    Campaign,
    CampaignPause,
    CampaignRule,
    CampaignStep,
    ProgrammeBudget,
    ProgrammePlan,
)
from campaigns.models.claims import Claim
from campaigns.models.counters import CapCounter, CapTotal, Carry
from campaigns.models.messages import (
    Channel,
    Message,
    MessageChannel,
    MessageTemplate,
    MessageTemplateVersion,
    Purpose,
    SubscriptionConsent,
)
from campaigns.models.moments import ActivityType, Moment
from campaigns.models.rules import (
    Rule,
    RulesInForce,
    RuleStep,
    RuleSubmission,
    RuleVersion,
    TierSubmission,
)
from campaigns.models.seen import SeenName, SeenUntil
from campaigns.models.wakeups import Wakeup, WakeupRecipient, WakeupRun

__all__ = [
    "ActivityType",
    "AudienceGrant",
    "Campaign",
    "CampaignPause",
    "CampaignRule",
    "CampaignStep",
    "CapCounter",
    "CapTotal",
    "Carry",
    "Channel",
    "Claim",
    "Message",
    "MessageChannel",
    "MessageTemplate",
    "MessageTemplateVersion",
    "Moment",
    "ProgrammeBudget",
    "ProgrammePlan",
    "Purpose",
    "Rule",
    "RuleStep",
    "RuleSubmission",
    "RuleVersion",
    "RulesInForce",
    "SeenName",
    "SeenUntil",
    "Segment",
    "SegmentMember",
    "SubscriptionConsent",
    "TierSubmission",
    "Wakeup",
    "WakeupRecipient",
    "WakeupRun",
]
