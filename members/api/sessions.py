"""`/auth/…` of the member API: signing in, going on, signing out."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from loyalty.lib import clock, fields
from loyalty.lib.api import StrictSerializer
from members import services
from members.api.base import SignInView, device_id
from members.api.shapes import MEMBER_ID
from members.services import sessions
from members.tokens import Pair

_DEVICE = OpenApiParameter(
    "X-Device-Id", str, OpenApiParameter.HEADER, description="Recorded with the session where it is sent."
)
_PAIR: dict[str, Any] = {
    "member_id": MEMBER_ID,
    "access_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOTlmM2EyIn0.eyJhdWQiOiJhY21lIn0.c2lnbmF0dXJl",
    "token_type": "Bearer",
    "expires_in_s": 900,
    "refresh_token": "Zt0sV0m2c4Yw9mJb0e7qTq3oJ1yq9sJp5b2k8d6f4h0",
    "refresh_expires_in_s": 2_592_000,
}


class WechatBody(StrictSerializer):
    """What `wx.login` gave."""

    code = fields.Text(max_length=128)
    app_id = fields.Text(required=False, max_length=64, help_text="Default: the brand's mini-program.")
    referrer_code = fields.Text(
        required=False, max_length=12, help_text="Of the member who invited somebody new; else ignored."
    )


class RefreshBody(StrictSerializer):
    """A refresh token."""

    refresh_token = fields.Text(max_length=200)


class TokenPair(serializers.Serializer[Any]):
    """Tokens, and how many seconds each lasts."""

    member_id = serializers.UUIDField()
    access_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in_s = serializers.IntegerField()
    refresh_token = serializers.CharField()
    refresh_expires_in_s = serializers.IntegerField()


class SignedIn(TokenPair):
    """Tokens, and whether the member joined just now."""

    new_member = serializers.BooleanField()


class WechatView(SignInView):
    """Signing in with WeChat. `enrol` is what makes a member of somebody new."""

    enrol = staticmethod(services.enrol)

    @extend_schema(
        operation_id="auth_wechat",
        auth=[],
        request=WechatBody,
        parameters=[_DEVICE],
        responses=SignedIn,
        examples=[
            OpenApiExample("A code of wx.login", {"code": "0a3kX1000b6n2S1"}, request_only=True),
            OpenApiExample("Tokens", {**_PAIR, "new_member": False}, response_only=True),
        ],
    )
    def post(self, request: Any) -> Response:
        """Sign in with the code of `wx.login`; who is not a member yet becomes one.

        401 `wechat_code_invalid`: the code is wrong or was used, call `wx.login` again. 503
        `wechat_unavailable`: try again. 409 `wechat_not_enabled`: the brand has no mini-program.
        """
        body = self.body(WechatBody)
        pair, new = sessions.sign_in_with_wechat(
            code=body["code"],
            app_id=body.get("app_id"),
            device_id=device_id(request),
            now=clock.now(),
            referrer_code=body.get("referrer_code"),
            enrol=self.enrol,
        )
        return Response({**_written(pair), "new_member": new})


class RefreshView(SignInView):
    """Going on with a session."""

    @extend_schema(
        operation_id="auth_refresh",
        auth=[],
        request=RefreshBody,
        parameters=[_DEVICE],
        responses=TokenPair,
        examples=[
            OpenApiExample("The last one", {"refresh_token": _PAIR["refresh_token"]}, request_only=True),
            OpenApiExample("Tokens", _PAIR, response_only=True),
        ],
    )
    def post(self, request: Any) -> Response:
        """New tokens for a refresh token, which is used up by it.

        401 `refresh_token_invalid`: sign in again. A token that comes a second time ends its session.
        """
        body = self.body(RefreshBody)
        pair = sessions.refresh(
            refresh_token=body["refresh_token"], device_id=device_id(request), now=clock.now()
        )
        return Response(_written(pair))


class LogoutView(SignInView):
    """Signing out."""

    @extend_schema(
        operation_id="auth_logout",
        auth=[],
        request=RefreshBody,
        responses={204: None},
        examples=[
            OpenApiExample("The last one", {"refresh_token": _PAIR["refresh_token"]}, request_only=True)
        ],
    )
    def post(self, request: Any) -> Response:
        """End the session of this refresh token. The access token runs out by itself within 15 minutes."""
        body = self.body(RefreshBody)
        sessions.sign_out(refresh_token=body["refresh_token"], now=clock.now())
        return Response(status=204)


def _written(pair: Pair) -> dict[str, Any]:
    return {
        "member_id": str(pair.member_id),
        "access_token": pair.access_token,
        "token_type": "Bearer",
        "expires_in_s": pair.expires_in_s,
        "refresh_token": pair.refresh_token,
        "refresh_expires_in_s": pair.refresh_expires_in_s,
    }
