"""Registers what stands on both hosts or on the platform's alone, and takes away what belongs to neither."""

from django.contrib import admin
from django.contrib.auth.models import Group

from campaigns.models import (
    AudienceGrant,
    Campaign,
    Message,
    MessageChannel,
    MessageTemplate,
    Rule,
    RuleSubmission,
    Segment,
    TierSubmission,
    Wakeup,
)
from loyalty.console.accountpage import AccountPage
from loyalty.console.audiences.grantpage import GrantPage
from loyalty.console.audiences.segmentpage import SegmentPage
from loyalty.console.audiences.wakeuppage import WakeupPage
from loyalty.console.campaignpages.page import CampaignPage
from loyalty.console.entrypage import EntryPage, LotPage
from loyalty.console.memberpage import MemberDesk
from loyalty.console.messagepages.channelpage import ChannelPage
from loyalty.console.messagepages.logpage import MessagePage
from loyalty.console.messagepages.templatepage import TemplatePage
from loyalty.console.operatorpage import OperatorPage
from loyalty.console.orderpage import OrderPage
from loyalty.console.rulepages.rulepage import RulePage
from loyalty.console.rulepages.submissionpage import SubmissionPage
from loyalty.console.sites import platform_site
from loyalty.console.tierpages.submissionpage import TierSubmissionPage
from members.models import Member, Purchase
from points.models import Account, Entry, Lot
from tenants.admin import BrandAdmin, DomainAdmin
from tenants.models import Brand, Domain
from tenants.operators.admin import PlatformOperatorAdmin
from tenants.operators.models import Operator

admin.site.unregister(Group)
admin.site.register(Operator, OperatorPage)
platform_site().register(Operator, PlatformOperatorAdmin)
platform_site().register(Brand, BrandAdmin)
platform_site().register(Domain, DomainAdmin)
admin.site.unregister((Account, Entry, Rule))
admin.site.register(Account, AccountPage)
admin.site.register(Entry, EntryPage)
admin.site.register(Lot, LotPage)
admin.site.register(Member, MemberDesk)
admin.site.register(Purchase, OrderPage)
admin.site.register(Campaign, CampaignPage)
admin.site.register(Rule, RulePage)
admin.site.register(RuleSubmission, SubmissionPage)
admin.site.register(TierSubmission, TierSubmissionPage)
admin.site.register(Message, MessagePage)
admin.site.register(MessageChannel, ChannelPage)
admin.site.register(MessageTemplate, TemplatePage)
admin.site.register(Segment, SegmentPage)
admin.site.register(Wakeup, WakeupPage)
admin.site.register(AudienceGrant, GrantPage)
