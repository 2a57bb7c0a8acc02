"""Messages in the member API: the inbox, and consents to WeChat's subscription messages."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.models import Channel, Message, Purpose
from campaigns.services.messages import inbox, subscriptions
from loyalty.lib import clock, fields, pagination, words
from loyalty.lib.api import StrictSerializer
from loyalty.lib.errors import FieldError, Invalid, escaped
from loyalty.lib.instants import text as instant
from members.api.base import MemberApiView

MOST_ANSWERS = 20
_MESSAGE: dict[str, Any] = {
    "message_id": "0199f3a2-8d1c-7b21-9d4e-5f6a7b8c9d0e",
    "channel": "wechat_subscribe",
    "purpose": "transactional",
    "name": "积分到账",
    "title": "",
    "text": "39积分到账",
    "sent_at": "2026-11-22T02:15:00Z",
}
_SUBSCRIPTION: dict[str, Any] = {
    "template_id": "pOb1fJy2wR7sT9uVxYz0",
    "messages": ["积分到账", "积分即将到期"],
    "remaining": 1,
}
_ANSWERS: dict[str, Any] = {"answers": {"pOb1fJy2wR7sT9uVxYz0": "accept", "qQc2gKz3xS8tU0vWyZa1": "reject"}}


class InboxMessage(serializers.Serializer[Any]):
    """A message that the member was sent."""

    message_id = serializers.UUIDField()
    channel = serializers.ChoiceField(choices=Channel.values)
    purpose = serializers.ChoiceField(choices=Purpose.values)
    name = serializers.CharField()
    title = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True)
    sent_at = serializers.DateTimeField()


class Inbox(serializers.Serializer[Any]):
    """A page of messages."""

    items = InboxMessage(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class Subscription(serializers.Serializer[Any]):
    """One of WeChat's templates: what it brings, and how many messages the member still allows."""

    template_id = serializers.CharField()
    messages = serializers.ListField(child=serializers.CharField())
    remaining = serializers.IntegerField()


class Subscriptions(serializers.Serializer[Any]):
    """All templates that the brand's messages use."""

    items = Subscription(many=True)


class AnswersBody(StrictSerializer):
    """What `wx.requestSubscribeMessage` answered, by template, without its `errMsg`."""

    answers = fields.JsonObject()

    def validate_answers(self, value: dict[str, Any]) -> dict[str, str]:
        """A few templates, each with one of WeChat's answers."""
        if not value or len(value) > MOST_ANSWERS:
            raise serializers.ValidationError(_("From 1 to 20 templates."), code="length")
        wrong = [
            FieldError(f"/answers/{escaped(name)}", "invalid_choice", _("Not one of WeChat's answers."))
            for name, answer in sorted(value.items())
            if answer not in subscriptions.ANSWERS
        ]
        if wrong:
            raise Invalid(wrong)
        return value


class InboxView(MemberApiView):
    """The member's messages."""

    @extend_schema(
        operation_id="me_messages",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses=Inbox,
        examples=[OpenApiExample("One", {"items": [_MESSAGE], "next_cursor": None}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """What I was sent, by whatever channel, the newest first; a link counts where it was sent."""

        def shown(message: Message) -> dict[str, Any]:
            title, text = inbox.written(message, self.member)
            return {
                "message_id": str(message.pk),
                "channel": message.channel,
                "purpose": message.purpose,
                "name": words.pick(message.template.name) or message.template.code,
                "title": title,
                "text": text,
                "sent_at": instant(message.sent_at) if message.sent_at else None,
            }

        rows = inbox.of_member(self.member.pk)
        return Response(pagination.page(rows, request, shown, order=("-queued_at", "-id")))


class SubscriptionsView(MemberApiView):
    """Consents to WeChat's subscription messages: one consent, one message."""

    @extend_schema(
        operation_id="me_subscriptions",
        responses=Subscriptions,
        examples=[OpenApiExample("One", {"items": [_SUBSCRIPTION]}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """The templates to pass to `wx.requestSubscribeMessage`, and how many messages are still allowed.

        409 `channel_off`: the brand sends no subscription messages.
        """
        return Response(self._shown())

    @extend_schema(
        operation_id="me_subscriptions_report",
        request=AnswersBody,
        responses={201: Subscriptions},
        examples=[
            OpenApiExample("Accepted", _ANSWERS, request_only=True),
            OpenApiExample("One", {"items": [_SUBSCRIPTION]}, response_only=True),
        ],
    )
    def post(self, request: Request) -> Any:
        """Report what the member answered. Each `accept` allows one more message.

        Send an `Idempotency-Key` for each question asked, so that a repeated report counts once.
        """
        answers = self.body(AnswersBody)["answers"]

        def work() -> Response:
            subscriptions.report(member_id=self.member.pk, answers=answers, now=clock.now())
            return Response(self._shown(), status=201)

        return self.once(work)

    def _shown(self) -> dict[str, Any]:
        found = subscriptions.of_member(self.member.pk)
        return {
            "items": [{**each, "messages": [words.pick(name) for name in each["messages"]]} for each in found]
        }
