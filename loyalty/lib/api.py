"""What every view of the API shares: strict input, one shape of answers, work done once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, TypeVar

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from loyalty.lib import idempotency
from loyalty.lib.errors import FieldError, Invalid, NotFound
from loyalty.lib.parsers import StrictJSONParser
from loyalty.lib.problems import flatten

S = TypeVar("S", bound=serializers.BaseSerializer[Any])


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that names the fields it does not know instead of dropping them."""

    default_error_messages = {"invalid": _("Must be a JSON object.")}  # DRF names Python's types

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [key for key in data if key not in self.fields]
            if unknown:
                found: dict[str, Any] = {}
                try:
                    super().to_internal_value(data)
                except serializers.ValidationError as error:
                    found = dict(error.detail) if isinstance(error.detail, dict) else {}
                for key in unknown:
                    found[key] = [serializers.ErrorDetail(str(_("Unknown field.")), code="unknown_field")]
                raise serializers.ValidationError(found)
        return super().to_internal_value(data)


class ApiView(APIView):
    """A view of the partner API. `required_scopes` names the scope of each method."""

    required_scopes: ClassVar[Mapping[str, str]] = {}
    parser_classes = (StrictJSONParser,)
    renderer_classes: Sequence[type[BaseRenderer]] = (JSONRenderer,)

    def body(self, serializer: type[S], **kwargs: Any) -> Any:
        """The validated body. Raises Invalid with a pointer for every field that is wrong."""
        if not kwargs and issubclass(serializer, StrictSerializer):
            try:
                return _shared(serializer).run_validation(self.request.data)
            except serializers.ValidationError:
                pass  # said below as DRF says it
        return self._validated(serializer(data=self.request.data, **kwargs))

    def body_and(self, serializer: type[S], more: Callable[[Mapping[str, Any]], Iterable[FieldError]]) -> Any:
        """The validated body. What is wrong with its fields is told together with `more`: the faults that a
        service finds in the fields that could be read. Of a body that could be read whole it is not asked."""
        try:
            return self.body(serializer)
        except Invalid as invalid:
            data = self.request.data
            if not isinstance(data, dict):
                raise
            wrong = {error.pointer.split("/")[1] for error in invalid.errors if error.pointer}
            sound = serializer(
                data={name: value for name, value in data.items() if name not in wrong}, partial=True
            )
            told = more(sound.validated_data) if sound.is_valid() else ()
            others = [error for error in told if error.pointer.split("/")[1] not in wrong]
            raise Invalid([*invalid.errors, *others]) from invalid

    def query(self, serializer: type[S], **kwargs: Any) -> Any:
        """The validated query parameters. Raises Invalid with a pointer for every one that is wrong."""
        return self._validated(serializer(data=self.request.query_params.dict(), **kwargs))

    def _validated(self, instance: serializers.BaseSerializer[Any]) -> Any:
        if not instance.is_valid():
            raise Invalid(flatten(instance.errors))
        return instance.validated_data

    def once(self, work: Callable[[], Response]) -> Any:
        """`work` in one transaction, and only once for the same Idempotency-Key (api.md)."""
        return idempotency.once(self.request, work, caller=self.caller(), kwargs=self.kwargs)

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing has a name with a NUL in it, and the database takes none."""
        super().initial(request, *args, **kwargs)
        if any(isinstance(value, str) and "\0" in value for value in kwargs.values()):
            raise NotFound

    def check_permissions(self, request: Any) -> None:
        """The limit comes first: a call that is refused for want of a scope counts towards it too."""
        super().check_throttles(request)
        super().check_permissions(request)

    def check_throttles(self, request: Any) -> None:
        """Nothing more: see `check_permissions`."""

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """The answer, with what is left of the caller's limit where one was counted."""
        response = super().finalize_response(request, response, *args, **kwargs)
        counted = getattr(request, "rate_limit", None)
        if counted is not None:
            for name, figure in zip(("Limit", "Remaining", "Reset"), counted, strict=True):
                response[f"RateLimit-{name}"] = str(figure)
        return response

    def caller(self) -> str:
        """Who asks, as the scope of idempotency keys and as the actor of what is written."""
        return str(getattr(self.request.user, "caller", "anonymous"))


@cache
def _shared(serializer: type[StrictSerializer]) -> StrictSerializer:
    # One for all requests and threads: validating a body leaves nothing behind in a strict serializer, and to
    # copy its fields for every request costs several times as much as to validate by them.
    return serializer()


def query_error(name: str, code: str, detail: Any) -> Invalid:
    """The refusal of one query parameter."""
    return Invalid([FieldError(f"/{name}", code, detail)])
