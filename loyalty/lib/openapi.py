"""What every operation in the OpenAPI document shares."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; the one to branch on."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901, into the body."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
    "additionalProperties": True,
    "example": {
        "type": "urn:loyalty:problem:validation_failed",
        "title": "The input is not valid.",
        "status": 422,
        "detail": "/lines/0/quantity: Must be greater than 0.",
        "code": "validation_failed",
        "errors": [{"pointer": "/lines/0/quantity", "code": "above", "detail": "Must be greater than 0."}],
    },
}
METHODS = ("get", "post", "put", "patch", "delete")


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How partners sign in."""

    target_class = "partners.auth.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """An API key of the brand."""
        return {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer lk_…`"}


class MemberTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How members sign in."""

    target_class = "members.auth.MemberTokenAuthentication"
    name = "memberToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """An access token of a member of the brand."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def problems_everywhere(result: Any, generator: Any, request: Any, public: Any) -> Any:
    """A drf-spectacular hook: every operation may answer with a problem document."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    answer = {
        "description": "A problem",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path in result.get("paths", {}).values():
        for method in METHODS:
            if method in path:
                responses = path[method].setdefault("responses", {})
                for status in ("400", "401", "403", "404", "409", "413", "415", "422", "429", "503"):
                    responses.setdefault(status, answer)
    return result
