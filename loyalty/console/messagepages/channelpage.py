"""Channels in the console: switched on with their credentials, and tried with one message to oneself."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from campaigns.models import Channel, MessageChannel, MessageTemplate
from campaigns.services.messages import channelsetup, links, replies
from loyalty.console.messagepages.reasons import reason
from loyalty.lib import clock, words
from loyalty.lib.console import Operation, PageLink, ServiceForm, ServicePage, errors_of
from loyalty.lib.display import doer
from loyalty.lib.errors import Refusal

MAY = "campaigns.change_messagechannel"


class ChannelForm(ServiceForm):
    """A channel's settings. Secrets are entered, never shown."""

    channel = forms.ChoiceField(
        label=_("channel"), choices=Channel.choices, required=False, widget=UnfoldAdminSelectWidget
    )
    enabled = forms.BooleanField(label=_("switched on"), required=False, widget=UnfoldBooleanSwitchWidget)

    class Meta:
        model = MessageChannel
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            del self.fields["enabled"]
            return
        del self.fields["channel"]
        self.fields["enabled"].initial = self.instance.enabled
        shown = channelsetup.shown_settings(self.instance)
        for each in channelsetup.FIELDS[self.instance.channel]:
            secret = each.secret
            self.fields[each.name] = forms.CharField(
                label=each.label,  # type: ignore[arg-type]
                required=False,
                max_length=200,
                initial="" if secret else shown[each.name],
                help_text=_("Left empty: stays as it is.") if secret else "",
                widget=UnfoldAdminPasswordWidget if secret else UnfoldAdminTextInputWidget,
            )

    def write(self, data: dict[str, Any]) -> MessageChannel:
        """Set the channel up. Raises Invalid."""
        adding = self.instance._state.adding
        return channelsetup.save(
            channel=data["channel"] if adding else self.instance.channel,
            enabled=False if adding else data["enabled"],
            values={name: value for name, value in data.items() if name not in ("channel", "enabled")},
            actor=self.actor,
            now=clock.now(),
        )


class TrialForm(forms.Form):
    """To whom, and what."""

    address = forms.CharField(
        label=_("Send to"),
        max_length=200,
        help_text=_("Your own phone, e-mail address, openid, external user id or registration id."),
        widget=UnfoldAdminTextInputWidget,
    )
    template = forms.ChoiceField(label=_("message template"), widget=UnfoldAdminSelectWidget)
    language = forms.ChoiceField(
        label=_("Language"),
        choices=[("zh-hans", "简体中文"), ("en", "English")],
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, channel: MessageChannel, *args: Any) -> None:
        super().__init__(*args)
        choices: Any = self.fields["template"]
        choices.choices = [
            (each.code, words.pick(each.name) or each.code)
            for each in MessageTemplate.objects.order_by("code")
            if channel.channel in each.channels
        ]


class ChannelPage(ServicePage):
    """The brand's channels."""

    form = ChannelForm
    list_display = ("name", "on", "updated_at", "by")
    ordering = ("channel",)
    readonly_fields = ("callbacks",)
    links = (
        PageLink(
            _("Send me a test"),
            "admin:campaigns_messagechannel_test",
            MAY,
            icon="outgoing_mail",
            shown=lambda channel: channel.channel != Channel.WEBHOOK,
        ),
    )

    @display(description=_("changed by"))
    def by(self, channel: MessageChannel) -> str:
        """Who changed it last."""
        return doer(channel.updated_by)

    def get_urls(self) -> list[URLPattern]:
        """The trial has a page of its own, as it goes over the network."""
        view = self.admin_site.admin_view(self.trial)
        ours = [path("<path:object_id>/test/", view, name="campaigns_messagechannel_test")]
        return ours + super().get_urls()

    def get_fieldsets(self, request: HttpRequest, obj: MessageChannel | None = None) -> Any:
        """The channel's own settings; on a new page only which channel."""
        if obj is None:
            return ((None, {"fields": ("channel",)}),)
        names = ["enabled", *(each.name for each in channelsetup.FIELDS[obj.channel])]
        if obj.channel == Channel.SMS:
            names.append("callbacks")
        if not self.has_change_permission(request, obj):
            names = ["name", "on"]
        return ((None, {"fields": tuple(names)}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What those who may only look see, and where the provider calls."""
        return ("callbacks", "name", "on") if obj else ()

    def trial(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send one message to an address of the operator's, and say what the provider said."""
        channel = MessageChannel.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        if channel is None or channel.channel == Channel.WEBHOOK:
            raise Http404
        if not request.user.has_perm(MAY):
            raise PermissionDenied
        back = reverse("admin:campaigns_messagechannel_change", args=[channel.pk])
        form = TrialForm(channel, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid() and self._try(request, channel, form):
            return HttpResponseRedirect(back)
        operation = Operation(
            "test",
            _("Send me a test"),
            _("The template goes out at once with sample facts; a subscription message uses up a consent."),
            MAY,
            lambda *_args: None,
        )
        context = {
            **self.admin_site.each_context(request),
            "title": operation.label,
            "opts": self.model._meta,
            "original": channel,
            "operation": operation,
            "form": form,
            "back": back,
        }
        return TemplateResponse(request, "console/operation.html", context)

    def _try(self, request: HttpRequest, channel: MessageChannel, form: TrialForm) -> bool:
        said = form.cleaned_data
        template = MessageTemplate.objects.get(code=said["template"])
        try:
            answer = channelsetup.send_test(
                channel=channel, template=template, address=said["address"], language=said["language"]
            )
        except Refusal as refusal:
            for line in errors_of(refusal):
                form.add_error(None, line)
            return False
        if not channelsetup.went_well(answer):
            form.add_error(None, f"{reason(answer.reason)} ({answer.detail})")
            return False
        messages.success(request, str(_("The provider took it.")))
        return True

    @display(description=_("channel"), ordering="channel")
    def name(self, channel: MessageChannel) -> str:
        """Its name."""
        return str(channel.get_channel_display())

    @display(description=_("switched on"), boolean=True)
    def on(self, channel: MessageChannel) -> bool:
        """Whether it sends."""
        return channel.enabled

    @display(description=_("Where the provider reports"))
    def callbacks(self, _channel: MessageChannel) -> SafeString:
        """The addresses to enter with the provider, whole, each with what it is for."""
        base = f"{links.maker().base}/callbacks/sms/{replies.secret()}"
        return format_html_join(
            "",
            '<div class="mb-2">{}<br><code style="user-select:all;overflow-wrap:anywhere">{}</code></div>',
            (
                (_("Replies (opting out by reply)"), f"{base}/replies"),
                (_("Delivery reports"), f"{base}/reports"),
            ),
        )
