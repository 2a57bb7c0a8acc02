"""What the functions of one statement are given to say and what they answer (docs/adr/0014).

An event's content is a text with places for what the database knows, or spells quicker: %1$s the balance
after, %2$s the account, %3$s to %6$s what is available, pending, held and was ever accrued, %7$s the member,
%8$s the journal, %9$s the entry. The answer is the account as it is then, with blanks between its parts.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as _quoted
from uuid import UUID

from loyalty.lib import ids
from points.postings import AccountState

BEGINNING = '{"member_id": "%7$s", "journal": "%8$s", "entries": [{"entry_id": "%9$s", '


def literal(text: str) -> str:
    """JSON that stands in the content as it is."""
    return text.replace("%", "%%") if "%" in text else text


def quoted(text: str) -> str:
    """A string as JSON in the content."""
    return literal(_quoted(text))


def account(currency: str) -> str:
    """The account after an operation on one that owes nothing, as JSON; `currency` is quoted."""
    return (
        '"account": {"account_id": "%2$s", "available": %3$s, "pending": %4$s, "held": %5$s, "debt": 0, '
        f'"lifetime_accrued": %6$s, "points_currency": {currency}}}'
    )


def state(answer: str, member_id: UUID, currency: str) -> AccountState:
    """The account that a function answered."""
    account_id, *numbers = answer.split(" ")
    available, pending, held, lifetime = map(int, numbers)
    # In their order: names cost as much again.
    return AccountState(ids.known(account_id), member_id, currency, available, pending, held, 0, lifetime)
