"""The lines of a bulk as COPY takes them: what many of them have in common is written once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

from loyalty.lib import ids
from points.postings import Journal, Posting
from points.services import posting

ROWS_AT_ONCE = 2000
"""How many rows go to the server in one piece."""

_SPECIAL = re.compile(r"[\\\t\n\r]").search
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_COMMON = attrgetter(
    "kind", "system_account", "source", "rule", "rule_version", "currency", "effective_at", "available_at",
    "waits_for", "expires_at", "inactivity_months", "cost_centre", "reason", "actor",
)  # fmt: skip
"""What is the same for most entries of a batch; `waits_ref` and explanations are not."""


class Lines:
    """Reads the journals once; shapes and accounts are known when their last line was read."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._shapes: dict[tuple[Any, ...], tuple[int, int, str]] = {}
        self._rows_of_shapes: list[str] = []
        self._kinds: dict[tuple[str, str, str], int] = {}
        # Members by their numbers: the hash of a UUID is a call of Python.
        self._accounts: dict[tuple[int, str], int] = {}
        self._odd: set[int] = set()

    def staged(self, journals: Sequence[Journal], places: Sequence[int]) -> Iterator[str]:
        """A row of `points_staged` for each entry of the journals at these places, member by member.

        Accounts are opened with their members, so the keys of what is written for them grow in nearly the
        order in which it is: most go to the end of their indexes.
        """
        rows: list[str] = []
        accounts, shapes = self._accounts, self._shapes
        line = 0
        seen: set[tuple[str, int]] = set()
        for place in sorted(places, key=lambda place: journals[place].member_id.int):
            journal = journals[place]
            member = journal.member_id.int
            first = journal.entries[0].currency
            ids_of_journal = f"{journal.journal_id.hex}\t{ids.text()}"
            more = _text(posting.more_data(journal.event_data))
            for entry in journal.entries:
                line += 1
                common = _COMMON(entry)
                shape, kind, currency = shapes.get(common) or self._shape(common, entry)
                account = accounts.setdefault((member, currency), len(accounts) + 1)
                known = (entry.reference, kind)
                if known in seen or currency != first:
                    self._odd.add(member)
                seen.add(known)
                told = "\\N" if entry.explanation is None else _text(json.dumps(entry.explanation))
                rows.append(
                    f"{line}\t{place}\t{account}\t{shape}\t{ids_of_journal}\t{ids.text()}\t{entry.points}"
                    f"\t{_text(entry.reference)}\t{_or_null(entry.waits_ref)}\t{told}\t{more}\n"
                )
                more = "\\N"
            if len(rows) >= ROWS_AT_ONCE:
                yield "".join(rows)
                rows.clear()
        yield "".join(rows)

    def shapes(self) -> Iterator[str]:
        """The rows of `points_shapes`."""
        yield "".join(self._rows_of_shapes)

    def asked(self) -> Iterator[str]:
        """The rows of `points_asked`: the accounts that are credited.

        Odd ones are of a member one of whose journals has several currencies, or a reference that the bulk
        has twice.
        """
        yield "".join(
            f"{account}\t{member:032x}\t{_text(currency)}\t{'t' if member in self._odd else 'f'}\n"
            for (member, currency), account in self._accounts.items()
        )

    def _shape(self, common: tuple[Any, ...], entry: Posting) -> tuple[int, int, str]:
        now = self._now
        kind = self._kinds.setdefault((entry.source, entry.kind, entry.rule), len(self._kinds))
        pending = entry.waits_for is not None or (entry.available_at is not None and entry.available_at > now)
        shape = len(self._shapes) + 1
        row = (
            str(shape), _text(_said(entry, pending)), _text(entry.kind), _text(entry.system_account),
            _text(entry.source), _text(entry.rule), _or_null(entry.rule_version), _text(entry.currency),
            str(entry.effective_at or now), _or_null(entry.available_at), "t" if pending else "f",
            _or_null(entry.waits_for), _or_null(entry.expires_at), _or_null(entry.inactivity_months),
            _text(entry.cost_centre), _text(entry.reason), _text(entry.actor),
        )  # fmt: skip
        self._rows_of_shapes.append("\t".join(row) + "\n")
        self._shapes[common] = (shape, kind, entry.currency)
        return self._shapes[common]


def _said(entry: Posting, pending: bool) -> str:
    """What the event says of the entry, but for its id, its points and the balance."""
    return (
        f'"kind": {_quoted(entry.kind)}, "points_currency": {_quoted(entry.currency)}, '
        f'"rule": {_quoted(entry.rule)}, "version": {_quoted(entry.rule_version)}, '
        f'"available_at": {_told_at(entry.available_at)}, "expires_at": {_told_at(entry.expires_at)}, '
        f'"pending": {"true" if pending else "false"}, "debt_repaid": 0'
    )


# Of these there are few different ones in a bulk.
_quoted = lru_cache(4096)(json.dumps)


@lru_cache(4096)
def _told_at(at: datetime | None) -> str:
    return "null" if at is None else f'"{at.astimezone(UTC).isoformat()}"'


def _text(value: str) -> str:
    return value.translate(_ESCAPED) if _SPECIAL(value) else value


def _or_null(value: object) -> str:
    return "\\N" if value is None else _text(str(value))
