"""The mall's invariant: redemptions, the ledger and stock say the same."""

from pathlib import Path

from loyalty.lib import stretches
from loyalty.lib.checks import MOST_SHOWN, Outcome, Tell, invariant, silent
from loyalty.lib.stretches import Column, Search

FOLDER = Path(__file__).parent / "sql" / "invariants"


@invariant("I10", "redemption journals, mall orders and stock agree, one to one")
def redemptions(tell: Tell = silent) -> Outcome:
    """Each redemption against its burn, its reversal, its history and its stock, and the other way round."""
    count = stretches.rows("mall_redemption")
    searches = [
        Search(_text("redemptions"), [Column("mall_redemption", "id")]),
        Search(_text("burns"), [Column("points_entry", "id")]),
    ]
    first, second = stretches.parts(tell, stretches.extent(searches), count)
    found = stretches.search(searches, first)
    if len(found) < MOST_SHOWN:
        found += stretches.passes(_text("stock"), count, second)
    return Outcome(count, found[:MOST_SHOWN])


def _text(name: str) -> str:
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
