"""Routes of this room."""

from django.urls import URLPattern, path

from campaigns.api import (
    audiencegrants,
    campaigns,
    earning,
    enrolling,
    home,
    merging,
    messages,
    rules,
    segments,
    simulations,
    submissions,
    tiers,
    wakeups,
)

partner_urlpatterns: list[URLPattern] = [
    path("earning-rules", rules.EarningRules.as_view(), name="earning-rules"),
    path("earning-rules/schema", rules.RuleSchema.as_view(), name="earning-rule-schema"),
    path("earning-rules/simulate", simulations.Simulate.as_view(), name="earning-rules-simulate"),
    path("earning-rules/<str:code>", rules.EarningRule.as_view(), name="earning-rule"),
    path("earning-rules/<str:code>/publish", rules.PublishRule.as_view(), name="earning-rule-publish"),
    path("earning-rules/<str:code>/submit", submissions.SubmitRule.as_view(), name="earning-rule-submit"),
    path("earning-rules/<str:code>/approve", submissions.ApproveRule.as_view(), name="earning-rule-approve"),
    path("earning-rules/<str:code>/reject", submissions.RejectRule.as_view(), name="earning-rule-reject"),
    path(
        "earning-rules/<str:code>/withdraw", submissions.WithdrawRule.as_view(), name="earning-rule-withdraw"
    ),
    path("earning-rules/<str:code>/retire", rules.RetireRule.as_view(), name="earning-rule-retire"),
    path("members", enrolling.EnrollingView.as_view(), name="members"),
    path("members/<uuid:member_id>/merge", merging.MergeView.as_view(), name="member-merge"),
    path("segments", segments.Segments.as_view(), name="segments"),
    path("segments/preview", segments.PreviewSegment.as_view(), name="segment-preview"),
    path("segments/<str:code>", segments.OneSegment.as_view(), name="segment"),
    path("wakeups", wakeups.Wakeups.as_view(), name="wakeups"),
    path("wakeups/<str:code>", wakeups.OneWakeup.as_view(), name="wakeup"),
    path("wakeups/<str:code>/submit", wakeups.SubmitWakeup.as_view(), name="wakeup-submit"),
    path("wakeups/<str:code>/approve", wakeups.ApproveWakeup.as_view(), name="wakeup-approve"),
    path("wakeups/<str:code>/reject", wakeups.RejectWakeup.as_view(), name="wakeup-reject"),
    path("wakeups/<str:code>/cancel", wakeups.CancelWakeup.as_view(), name="wakeup-cancel"),
    path("wakeups/<str:code>/report", wakeups.WakeupReport.as_view(), name="wakeup-report"),
    path("audience-grants", audiencegrants.AudienceGrants.as_view(), name="audience-grants"),
    path("audience-grants/<str:code>", audiencegrants.OneAudienceGrant.as_view(), name="audience-grant"),
    path(
        "audience-grants/<str:code>/submit",
        audiencegrants.SubmitAudienceGrant.as_view(),
        name="audience-grant-submit",
    ),
    path(
        "audience-grants/<str:code>/approve",
        audiencegrants.ApproveAudienceGrant.as_view(),
        name="audience-grant-approve",
    ),
    path(
        "audience-grants/<str:code>/reject",
        audiencegrants.RejectAudienceGrant.as_view(),
        name="audience-grant-reject",
    ),
    path(
        "audience-grants/<str:code>/cancel",
        audiencegrants.CancelAudienceGrant.as_view(),
        name="audience-grant-cancel",
    ),
    path("tiers", tiers.Tiers.as_view(), name="tiers"),
    path("campaigns", campaigns.Campaigns.as_view(), name="campaigns"),
    path("campaigns/<str:code>", campaigns.OneCampaign.as_view(), name="campaign"),
    path("campaigns/<str:code>/start", campaigns.StartCampaign.as_view(), name="campaign-start"),
    path("campaigns/<str:code>/submit", campaigns.SubmitCampaign.as_view(), name="campaign-submit"),
    path("campaigns/<str:code>/approve", campaigns.ApproveCampaign.as_view(), name="campaign-approve"),
    path("campaigns/<str:code>/reject", campaigns.RejectCampaign.as_view(), name="campaign-reject"),
    path("campaigns/<str:code>/withdraw", campaigns.WithdrawCampaign.as_view(), name="campaign-withdraw"),
    path("campaigns/<str:code>/pause", campaigns.PauseCampaign.as_view(), name="campaign-pause"),
    path("campaigns/<str:code>/resume", campaigns.ResumeCampaign.as_view(), name="campaign-resume"),
    path("campaigns/<str:code>/end", campaigns.EndCampaign.as_view(), name="campaign-end"),
]
member_urlpatterns: list[URLPattern] = [
    path("auth/wechat", enrolling.SigningInView.as_view(), name="auth-wechat"),
    path("check-ins", earning.CheckInsView.as_view(), name="check-ins"),
    path("earn", earning.EarnView.as_view(), name="earn"),
    path("me/messages", messages.InboxView.as_view(), name="me-messages"),
    path("me/subscriptions", messages.SubscriptionsView.as_view(), name="me-subscriptions"),
    path("me/referral", earning.ReferralView.as_view(), name="me-referral"),
    path("home", home.HomeView.as_view(), name="home"),
]
