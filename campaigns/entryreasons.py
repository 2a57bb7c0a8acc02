"""Why a member's points came or went, in the words of the rule that gave them; nothing of the brand's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import reckoning, selectors
from campaigns.engine import explain
from campaigns.engine.sentences import Body
from campaigns.engine.speaker import Speaker
from campaigns.services import audiencegrants
from campaigns.services.wakeups import comingback
from loyalty.lib.errors import Text
from loyalty.lib.words import language
from points.models import Entry

Kind = Entry.Kind
_RECKONED: Final = ("per_amount", "per_unit", "multiplier")
_MERGED: Final = "merge"
_GIVEN: Final[dict[str, Text]] = {
    comingback.SOURCE: gettext_lazy("For coming back"),
    audiencegrants.SOURCE: gettext_lazy("A present"),
    _MERGED: gettext_lazy("From an account that was joined with this one"),
}


class Reasons:
    """Says why, for many entries at once, in a fixed number of queries."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        undone = {entry.reverses_id for entry in entries if entry.reverses_id}
        origins = list(Entry.objects.filter(pk__in=undone)) if undone else []
        self._origins = {entry.pk: entry for entry in origins}
        self._versions = reckoning.versions([*entries, *origins])
        self._rewards = reckoning.rewards([*entries, *origins])
        self._language = language()
        self._words = selectors.words()

    def rule(self, entry: Entry) -> str:
        """The name of the rule that gave the points, or that is taken back; empty where there is none."""
        body = self._body(entry)
        return explain.rule_name(body, self._language) if body else ""

    def why(self, entry: Entry) -> str:
        """A short sentence; never empty."""
        origin = self._origins.get(entry.reverses_id) if entry.reverses_id else None
        if origin is None:
            return self._done(entry)
        what = self.rule(origin) or self._done(origin)
        sentence = _("Taken back: %(what)s") if entry.signed_points < 0 else _("Given back: %(what)s")
        return sentence % {"what": what}

    def _done(self, entry: Entry) -> str:
        if entry.source in _GIVEN:
            return str(_GIVEN[entry.source])
        match entry.kind:
            case Kind.ACCRUAL:
                return self._earned(entry)
            case Kind.EXPIRY:
                return _("Not used by the last valid day.")
            case Kind.ADJUSTMENT:
                return _("Adjusted by the brand")
            case Kind.OPENING:
                return _("Brought along from before")
            case Kind.TRANSFER if entry.signed_points > 0:
                return _("From another member")
            case Kind.TRANSFER:
                return _("To another member")
        reward = self._rewards.get(entry.reference) if entry.source == "redemption" else None
        if reward:
            return _("For the reward %(reward)s.") % {"reward": reward}
        return _("Points taken back") if entry.kind == Kind.CLAWBACK else _("Points spent")

    def _earned(self, entry: Entry) -> str:
        body = self._body(entry)
        if not body:
            return _("Points earned")
        name = explain.rule_name(body, self._language)
        result = reckoning.result_of(entry, body)
        if result is None or result.effect not in _RECKONED:
            return name
        said = explain.result_text(result, body, self._language, self._words)
        return Speaker(self._language, self._words).say("colon").join((name, said))

    def _body(self, entry: Entry) -> Body:
        return self._versions.get((entry.rule, entry.rule_version or 0), (None, {}))[1]
