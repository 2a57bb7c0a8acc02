"""The page of a rule: the builder's form, with its sentence and a sample beside it; templates and history."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from campaigns import gallery, selectors
from campaigns.admin import RuleAdmin, RuleForm
from campaigns.models import Rule, RuleSubmission
from campaigns.services import copying
from campaigns.services.rulewriting import Saved
from campaigns.wording import in_words
from loyalty.console.rulepages import lapses
from loyalty.console.rulepages.catalogue import catalogue
from loyalty.console.rulepages.examples import example_of, sample_for
from loyalty.console.rulepages.experimentpage import experiment_page
from loyalty.console.rulepages.history import history_of
from loyalty.console.rulepages.look import faults, look
from loyalty.lib import clock
from loyalty.lib.console import actor, errors_of
from loyalty.lib.errors import Invalid, Refusal

SCRIPTS = ("controls", "conditions", "parts", "sample", "builder")


class BuilderForm(RuleForm):
    """The rule's body, which the page's script writes from its fields; what is refused is kept by place."""

    refused: Invalid | None = None

    def _refused(self, refusal: Refusal) -> None:
        if isinstance(refusal, Invalid):
            self.refused = refusal
        super()._refused(refusal)


class RulePage(RuleAdmin):
    """A rule as a form, without a line of JSON to write; the JSON stays at hand."""

    form = BuilderForm
    change_form_after_template = "console/rules/builder.html"
    change_form_outer_before_template = "console/rules/head.html"
    readonly_fields = (*RuleAdmin.readonly_fields, "runs")
    list_before_template = "console/rules/list_head.html"

    class Media:
        js: ClassVar = tuple(f"console/rules/{name}.js" for name in SCRIPTS)
        css: ClassVar = {"all": ("console/rules/builder.css",)}

    def get_urls(self) -> list[URLPattern]:
        """The admin's routes, the script's, the templates and each rule's history."""
        view = self.admin_site.admin_view
        ours = [
            path("look/", view(look), name="campaigns_rule_look"),
            path("templates/", view(self.templates), name="campaigns_rule_templates"),
            path("<path:object_id>/versions/", view(self.versions), name="campaigns_rule_versions"),
            path("<path:object_id>/experiment/", view(self.experiment), name="campaigns_rule_experiment"),
        ]
        return [*ours, *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> Any:
        """Before the builder only what runs now: what the draft would do is said beside it."""
        body = ("body",) if self.has_change_permission(request, obj) else ("running",)
        head = () if obj is None else ((None, {"fields": (("code", "state"), "runs")}),)
        return (*head, (None, {"fields": body}))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list; each rule of the page knows what it names that is gone."""
        found = super().get_changelist_instance(request)
        shown = list(found.result_list)
        gone = lapses.of(shown, clock.now())
        for rule in shown:
            rule.lapsed = gone.get(rule.pk, ())
        found.result_list = shown
        return found

    @display(description=gettext_lazy("in words"))
    def sentence(self, rule: Rule) -> str:
        """The rule in words, and below it what it names that the brand has no more."""
        return lapses.below(super().sentence(rule), getattr(rule, "lapsed", ()))

    @display(description=gettext_lazy("what runs now"))
    def runs(self, rule: Rule) -> str:
        """The version in force, as a sentence."""
        version = rule.versions.filter(version=rule.current_version or 0).first()
        return in_words(version.body) if version else str(gettext_lazy("Nothing: it was never published."))

    def panels(self, request: HttpRequest, obj: Rule) -> Mapping[str, Any]:
        """What waits for a decision or for its time, and what the rule names that is gone."""
        opened = obj.submissions.filter(status__in=RuleSubmission.OPEN).first()
        gone = lapses.of([obj], clock.now()).get(obj.pk, ())
        return {"opened": opened, "tab": "rule", "lapsed": gone}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Rule | None = None,
    ) -> HttpResponse:
        """The page, with what the builder needs where the operator may write."""
        form = context["adminform"].form
        if isinstance(form, RuleForm):
            known = catalogue()
            refused = getattr(form, "refused", None)
            known["errors"] = faults(refused.errors) if refused else []
            known["existing"] = obj is not None
            known["sample"] = sample_for(_body_of(form), clock.now())
            context["builder"] = known
        return super().render_change_form(request, context, add, change, form_url, obj)

    def templates(self, request: HttpRequest) -> HttpResponse:
        """The gallery; a POST copies one of them into a draft."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            key = str(request.POST.get("template", ""))
            return self._copied(
                request,
                lambda: copying.copy_template(key=key, actor=actor(request), now=clock.now()),
                reverse("admin:campaigns_rule_templates"),
            )
        codes = selectors.tier_codes()
        shown = [example_of(template, codes) for template in gallery.GALLERY]
        context = {
            **self.admin_site.each_context(request),
            "title": _("Templates of rules"),
            "groups": [
                (name, [each for each in shown if each.group == group]) for group, name in _groups().items()
            ],
            "may_copy": self.has_add_permission(request),
        }
        return TemplateResponse(request, "console/rules/gallery.html", context)

    def versions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What was published and what differs, in words, and every step; a POST copies a version."""
        rule = self.get_object(request, object_id)
        if rule is None:
            raise Http404
        if not self.has_view_permission(request, rule):
            raise PermissionDenied
        if request.method == "POST":
            number = str(request.POST.get("version", ""))
            version = int(number) if number.isdecimal() and len(number) < 9 else 0
            here = reverse("admin:campaigns_rule_versions", args=[rule.pk])
            if request.POST.get("as") == "rule":
                return self._copied(
                    request,
                    lambda: copying.copy_as_rule(
                        code=rule.code, version=version, actor=actor(request), now=clock.now()
                    ),
                    here,
                )
            return self._copied(
                request,
                lambda: copying.copy_as_draft(code=rule.code, version=version, now=clock.now()),
                here,
            )
        context = {
            **self.admin_site.each_context(request),
            "title": _("Versions of %(rule)s") % {"rule": rule.code},
            "opts": self.model._meta,
            "original": rule,
            "tab": "versions",
            "may_copy": self.has_add_permission(request),
            "retired": rule.status == Rule.Status.RETIRED,
            **history_of(rule),
        }
        return TemplateResponse(request, "console/rules/versions.html", context)

    def experiment(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the rule brings, beside the members whom its rollout leaves out."""
        rule = self.get_object(request, object_id)
        if rule is None:
            raise Http404
        if not self.has_change_permission(request, rule):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("Experiment of %(rule)s") % {"rule": rule.code},
            "opts": self.model._meta,
            "original": rule,
            "tab": "experiment",
            **experiment_page(rule),
        }
        return TemplateResponse(request, "console/rules/experiment.html", context)

    def _copied(self, request: HttpRequest, copy: Any, back: str) -> HttpResponse:
        """To the new draft; or back with the reason why there is none."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            saved: Saved = copy()
        except Refusal as refusal:
            for line in errors_of(refusal):
                messages.error(request, line)
            return HttpResponseRedirect(back)
        self.log_addition(request, saved.rule, [{"added": {}}])
        messages.success(request, _("Copied as a draft: look it over, then publish or submit it."))
        return HttpResponseRedirect(reverse("admin:campaigns_rule_change", args=[saved.rule.pk]))


def _groups() -> dict[str, str]:
    return {
        "orders": _("Orders"),
        "members": _("Members"),
        "activities": _("Activities"),
        "low-carbon": _("Low carbon"),
        "referral": _("Referral"),
    }


def _body_of(form: forms.BaseForm) -> Any:
    return form.initial.get("body") or form.fields["body"].initial or ""
