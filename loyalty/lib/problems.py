"""RFC 9457 problem details: every error of the API has this one shape."""

from collections.abc import Mapping
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error

from loyalty.lib.errors import FieldError, Invalid, Refusal, escaped

CONTENT_TYPE = "application/problem+json"
UNAVAILABLE = gettext_lazy("The service is not available for a moment. Please try again.")
log = structlog.get_logger(__name__)

# DRF's own exceptions, told by class: (status, code).
_KNOWN: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.NotAuthenticated, "not_authenticated"),
    (exceptions.AuthenticationFailed, "not_authenticated"),
    (exceptions.PermissionDenied, "permission_denied"),
    (exceptions.MethodNotAllowed, "method_not_allowed"),
    (exceptions.UnsupportedMediaType, "unsupported_media_type"),
    (exceptions.NotAcceptable, "not_acceptable"),
    (exceptions.Throttled, "rate_limited"),
    (exceptions.ParseError, "malformed_json"),
    (exceptions.NotFound, "not_found"),
)


def body(
    *, status: int, code: str, title: str, detail: str, errors: list[FieldError] | None = None, **more: Any
) -> dict[str, Any]:
    """A problem document. `type` is a URN because the documents need no network to be understood."""
    problem: dict[str, Any] = {
        "type": f"urn:loyalty:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors:
        problem["errors"] = [{"pointer": e.pointer, "code": e.code, "detail": str(e.detail)} for e in errors]
    return {**more, **problem}


def flatten(detail: Any, pointer: str = "") -> list[FieldError]:
    """DRF's nested error structure as a flat list of pointers (RFC 6901)."""
    if isinstance(detail, Mapping):
        found: list[FieldError] = []
        for key, value in detail.items():
            part = "" if key == "non_field_errors" else "/" + escaped(key)
            found += flatten(value, pointer + part)
        return found
    if isinstance(detail, list):
        found = []
        for index, value in enumerate(detail):
            nested = isinstance(value, Mapping | list)
            found += flatten(value, f"{pointer}/{index}" if nested else pointer)
        return found
    code = getattr(detail, "code", None) or "invalid"
    # DRF names Python's types here.
    return [FieldError(pointer, code, _("Must be a JSON list.") if code == "not_a_list" else str(detail))]


def handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. Unknown exceptions are left to Django (500, logged)."""
    return render(exc)


def render(exc: Exception) -> Response | None:
    """The problem response for `exc`, or None when it is not an error of the caller's."""
    if isinstance(exc, Invalid):
        return _response(
            body(
                status=exc.status,
                code=exc.code,
                title=str(exc.title),
                detail=_summary(exc.errors),
                errors=list(exc.errors),
            )
        )
    if isinstance(exc, Refusal):
        response = _response(
            body(
                status=exc.status,
                code=exc.code,
                title=str(exc.title),
                detail=str(exc.detail),
                errors=[FieldError(exc.pointer, exc.code, exc.detail)] if exc.pointer else None,
                **exc.data,
            )
        )
        if exc.retryable:
            response["Retry-After"] = str(exc.data.get("retry_after", 1))
        return response
    if isinstance(exc, exceptions.ValidationError):
        errors = flatten(as_serializer_error(exc))
        return render(Invalid(errors))
    if isinstance(exc, RequestDataTooBig):
        title = _("The body is too large.")
        return _response(body(status=413, code="body_too_large", title=title, detail=title))
    if isinstance(exc, Http404):
        return render(exceptions.NotFound())
    if isinstance(exc, PermissionDenied):
        return render(exceptions.PermissionDenied())
    if isinstance(exc, exceptions.APIException):
        return _from_drf(exc)
    if isinstance(exc, OperationalError | InterfaceError):
        log.error("database_unavailable", error=str(exc))
        response = _response(
            body(status=503, code="unavailable", title=str(UNAVAILABLE), detail=str(UNAVAILABLE))
        )
        response["Retry-After"] = "2"
        return response
    return None


def _from_drf(exc: exceptions.APIException) -> Response:
    code = next((code for known, code in _KNOWN if isinstance(exc, known)), str(exc.default_code))
    # The default of these two is a template: “Method "{method}" not allowed.”
    told = isinstance(exc, exceptions.MethodNotAllowed | exceptions.UnsupportedMediaType)
    title = str(exc.detail if told else exc.default_detail)
    response = _response(body(status=exc.status_code, code=code, title=title, detail=str(exc.detail)))
    if getattr(exc, "auth_header", None):
        response["WWW-Authenticate"] = exc.auth_header  # type: ignore[attr-defined]
    wait = getattr(exc, "wait", None)
    if wait:
        response["Retry-After"] = str(max(1, int(wait)))
    return response


def _summary(errors: tuple[FieldError, ...]) -> str:
    first = errors[0]
    where = first.pointer or "/"
    if len(errors) == 1:
        return f"{where}: {first.detail}"
    return _("%(where)s: %(detail)s (and %(more)d more)") % {
        "where": where,
        "detail": first.detail,
        "more": len(errors) - 1,
    }


def _response(problem: dict[str, Any]) -> Response:
    return Response(problem, status=problem["status"], content_type=CONTENT_TYPE)


def plain(status: int, code: str, title: str) -> JsonResponse:
    """A problem outside DRF: middleware, unknown hosts, Django's error views."""
    return JsonResponse(
        body(status=status, code=code, title=title, detail=title), status=status, content_type=CONTENT_TYPE
    )


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's handler404 for API hosts."""
    return plain(404, "not_found", _("Not found."))


def server_error(request: HttpRequest) -> JsonResponse:
    """Django's handler500: says nothing of the cause, which is in the log under the request id."""
    return plain(500, "internal_error", _("Something went wrong on our side. It has been logged."))
