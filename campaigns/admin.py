"""Earning rules: written as data, read as a sentence, published as versions that never change."""

import json
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from campaigns import selectors
from campaigns.activitypage import ActivityAdmin
from campaigns.claimpage import ClaimAdmin
from campaigns.engine import explain
from campaigns.models import Claim, Moment, Rule, RuleSubmission
from campaigns.momentpage import MomentAdmin
from campaigns.services import rules, submissions
from campaigns.wording import RULE_PARTS, in_words, written_out
from loyalty.lib import clock
from loyalty.lib.console import JsonArea, Operation, PageLink, ServiceForm, ServicePage, actor
from loyalty.lib.display import LABELS, Status, code, instant, pretty, status
from loyalty.lib.errors import FieldError, Invalid, Text
from loyalty.lib.timefields import MomentField
from loyalty.lib.words import language
from members.models import Activity

BLANK: dict[str, Any] = {
    "code": "",
    "name": {},
    "trigger": "order.paid",
    "effect": {"type": "per_amount", "points": "1", "per": "1"},
}


class RuleForm(ServiceForm):
    """The rule's body; what the schema refuses is said with the place where it stands."""

    fields_of = dict.fromkeys(RULE_PARTS, "body")
    body = forms.CharField(
        label=_("Rule"),
        widget=JsonArea(rows=24),
        help_text=_(
            "JSON as in the API documentation. After saving, this page says in words what the rule does."
        ),
    )

    class Meta:
        model = Rule
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = not self.instance._state.adding
        if self.known:
            self.fields["body"].initial = written_out(selectors.working_body(self.instance))

    def clean_body(self) -> Any:
        """The body as data. Raises ValidationError when it is not JSON."""
        try:
            return json.loads(self.cleaned_data["body"])
        except ValueError as error:
            raise forms.ValidationError(_("Not JSON: %(error)s") % {"error": error}) from None

    def write(self, data: dict[str, Any]) -> Rule:
        """Save the draft. Raises Invalid, RuleCodeTaken, RuleRetired."""
        body, now = data["body"], clock.now()
        if not self.known:
            saved = rules.create_draft(body=body, actor=self.actor, now=now)
        elif not isinstance(body, dict):
            raise Invalid.at("", "type", _("Must be an object."))
        else:
            gone = dict.fromkeys(set(selectors.working_body(self.instance)) - set(body))
            saved = rules.update_draft(code=self.instance.code, changes={**gone, **body}, now=now)
        self.warnings = saved.warnings
        return saved.rule


def _warn(request: HttpRequest, warnings: Iterable[FieldError]) -> None:
    for warning in warnings:
        messages.warning(request, f"{warning.pointer}: {warning.detail}")


class WhenForm(forms.Form):
    """When a rule is to be published: at once, or at a time of the brand's clock."""

    at = MomentField(
        label=_("Publish at"), required=False, help_text=_("In the brand's time. Left empty: at once.")
    )


class SubmitForm(WhenForm):
    """When, and why."""

    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=500,
        help_text=_("For who decides: what it is for, and what it may cost."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class EndForm(SubmitForm):
    """When the rule is to end, and why."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["at"].label = _("End at")
        self.fields["at"].help_text = _("In the brand's time. Left empty: as soon as it is approved.")
        self.fields["note"].help_text = _("For who decides: why.")


def submit(_admin: Any, request: HttpRequest, rule: Rule, data: dict[str, Any]) -> Text:
    """Put the draft forward to a second operator."""
    saved = submissions.submit(
        code=rule.code, actor=actor(request), now=clock.now(), at=data["at"], note=data["note"]
    )
    _warn(request, saved.warnings)
    return _("Submitted: it waits for a second operator.")


def publish(_admin: Any, request: HttpRequest, rule: Rule, data: dict[str, Any]) -> Text:
    """Make the draft the version that runs, now or later."""
    saved = rules.publish(code=rule.code, actor=actor(request), now=clock.now(), at=data["at"])
    _warn(request, saved.warnings)
    if saved.submission is not None:
        return _("It will be published at %(at)s.") % {"at": instant(saved.submission.publish_at)}
    return _("Version %(version)s runs from now on.") % {"version": saved.rule.current_version}


def submit_end(_admin: Any, request: HttpRequest, rule: Rule, data: dict[str, Any]) -> Text:
    """Put the end of the rule forward to a second operator."""
    submissions.submit(
        code=rule.code,
        actor=actor(request),
        now=clock.now(),
        at=data["at"],
        note=data["note"],
        retire=True,
    )
    return _("Submitted: it waits for a second operator.")


def _open(rule: Rule) -> bool:
    return rule.submissions.filter(status__in=RuleSubmission.OPEN).exists()


def _scheduled(rule: Rule) -> bool:
    return rule.submissions.filter(status=RuleSubmission.Status.SCHEDULED).exists()


def has_draft(rule: Rule) -> bool:
    """Whether there is something to submit or publish."""
    return rule.draft is not None and rule.status != Rule.Status.RETIRED


def retire(_admin: Any, request: HttpRequest, rule: Rule, _data: dict[str, Any]) -> Text:
    """End the rule for ever."""
    rules.retire(code=rule.code, actor=actor(request), now=clock.now())
    return _("The rule gives nothing for orders from now on.")


def _shown(rule: Any) -> Any:
    """What a list shows of a rule: what runs, else its draft. Read once for each row."""
    if not hasattr(rule, "shown_body"):
        running = rule.versions.filter(version=rule.current_version or 0).first()
        rule.shown_body = running.body if running else rule.draft or {}
    return rule.shown_body


@admin.register(Rule)
class RuleAdmin(ServicePage):
    """A rule, its draft and its versions."""

    form = RuleForm
    list_display: Any = ("title", "code_n", "state", "current_version", "sentence", "updated_at")
    list_filter = ("status",)
    search_fields = ("code",)
    search_named = ("draft__name", "versions__body__name")
    search_help_text = _("Name or code")
    ordering = ("status", "code")
    readonly_fields: Any = ("code", "state", "sentence", "current_version", "running")
    links = (
        PageLink(
            _("Simulate"),
            "admin:simulate_rule",
            "campaigns.simulate_rule",
            icon="query_stats",
            shown=lambda rule: rule.status != Rule.Status.RETIRED,
        ),
    )
    operations = (
        Operation(
            "submit",
            _("Submit for approval"),
            _("A second operator looks at the draft as it is now; what they approve is published."),
            "campaigns.submit_rule",
            submit,
            icon="send",
            form=SubmitForm,
            shown=lambda rule: has_draft(rule) and not _scheduled(rule),
        ),
        Operation(
            "publish",
            _("Publish"),
            _("The draft becomes the version that runs, for orders processed from then on."),
            "campaigns.publish_rule",
            publish,
            icon="publish",
            form=WhenForm,
            shown=lambda rule: has_draft(rule) and not submissions.approval_needed() and not _open(rule),
        ),
        Operation(
            "retire",
            _("Retire"),
            _("The rule ends for ever. Points that were given stay; returns are still judged by it."),
            "campaigns.retire_rule",
            retire,
            icon="archive",
            danger=True,
            shown=lambda rule: rule.status == Rule.Status.PUBLISHED and not submissions.approval_needed(),
        ),
        Operation(
            "submit-end",
            _("Submit for retirement"),
            _("Once a second operator agrees the rule ends for ever. What else was submitted is replaced."),
            "campaigns.retire_rule",
            submit_end,
            icon="archive",
            danger=True,
            form=EndForm,
            shown=lambda rule: (
                rule.status == Rule.Status.PUBLISHED
                and submissions.approval_needed()
                and not _scheduled(rule)
            ),
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> Any:
        """The rule's body, to be written or only looked at."""
        writable = self.has_change_permission(request, obj) if obj else True
        return ((None, {"fields": ("body" if writable else "running",)}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Rule | None = None) -> tuple[str, ...]:
        """Nothing computed on an empty page."""
        return self.readonly_fields if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        """A retired rule stays as it is."""
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and (obj is None or obj.status != Rule.Status.RETIRED)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new rule begins with what every rule needs."""
        return {"body": written_out(BLANK)}

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """What is odd without being wrong is told."""
        _warn(request, form.warnings)
        return super().save_form(request, form, change)

    @display(description=_("name"))
    def title(self, rule: Rule) -> str:
        """What members call it."""
        return explain.rule_name(_shown(rule), language())

    @display(description=_("code"), ordering="code")
    def code_n(self, rule: Rule) -> SafeString:
        """Its name for ever."""
        return code(rule.code)

    @display(description=_("status"), label=LABELS, ordering="status")
    def state(self, rule: Rule) -> Status:
        """The status, coloured."""
        return status(rule)

    @display(description=_("in words"))
    def sentence(self, rule: Rule) -> str:
        """What runs; of a rule that was never published, what its draft would do."""
        return in_words(_shown(rule))

    @display(description=_("rule"))
    def running(self, rule: Rule) -> SafeString:
        """The body, for those who may only look."""
        return pretty(selectors.working_body(rule))


admin.site.register(Moment, MomentAdmin)
admin.site.register(Activity, ActivityAdmin)
admin.site.register(Claim, ClaimAdmin)
