"""What must agree between orders, the ledger and the tiers; `verify_ledger` looks into it."""

from __future__ import annotations

from typing import Final

from loyalty.lib import stretches
from loyalty.lib.checks import Outcome, Tell, invariant, silent

# Both are passes over the tables, for the orders or members that hash to %(turn)s of %(turns)s.
# What the ledger gave for each order and its returns left, against what the order's record says it keeps.
# An entry that somebody reversed by hand may leave less than the order's record says, never more.
_KEPT: Final = r"""
WITH given AS (
  SELECT CASE WHEN entry.source LIKE '%%.revision' THEN regexp_replace(entry.reference, '#\d+$', '')
      ELSE entry.reference END AS order_id,
    sum(entry.points - coalesce(back.points, 0)) AS points
  FROM points_entry entry
  LEFT JOIN LATERAL (
    SELECT sum(reversal.points) AS points FROM points_entry reversal
    WHERE reversal.reverses_id = entry.id
  ) back ON true
  WHERE entry.kind = 'accrual'
    AND entry.source IN ('order', 'order.completed', 'order.revision', 'order.completed.revision')
    AND (hashtext(CASE WHEN entry.source LIKE '%%.revision' THEN regexp_replace(entry.reference, '#\d+$', '')
      ELSE entry.reference END) & 2147483647) %% %(turns)s = %(turn)s
  GROUP BY 1
), kept AS (
  SELECT bought.order_id, sum(judged.points) AS points
  FROM members_purchase bought
  CROSS JOIN LATERAL (VALUES ('order.paid'), ('order.completed')) AS trigger(name)
  CROSS JOIN LATERAL (
    SELECT CASE WHEN bought.evaluation -> 'kept' ? trigger.name THEN
      (SELECT coalesce(sum(value::bigint), 0)
        FROM jsonb_each_text(bought.evaluation -> 'kept' -> trigger.name))
    ELSE
      (SELECT coalesce(sum((result ->> 'points')::bigint), 0)
        FROM jsonb_array_elements(bought.evaluation -> trigger.name -> 'results') result)
    END AS points
  ) judged
  WHERE bought.evaluation ? trigger.name
    AND (hashtext(bought.order_id) & 2147483647) %% %(turns)s = %(turn)s
  GROUP BY bought.order_id
), by_hand AS MATERIALIZED (
  SELECT DISTINCT CASE WHEN entry.source LIKE '%%.revision' THEN regexp_replace(entry.reference, '#\d+$', '')
    ELSE entry.reference END AS order_id
  FROM points_entry reversal CROSS JOIN LATERAL (
    SELECT one.source, one.reference FROM points_entry one WHERE one.id = reversal.reverses_id OFFSET 0
  ) entry
  WHERE reversal.reverses_id IS NOT NULL
    AND reversal.source !~ '^(return|order)(\.completed)?(\.recount|\.revision)?(\.earlier)?$'
)
SELECT format('order %%s: the ledger left %%s points, the order keeps %%s',
  coalesce(given.order_id, kept.order_id), coalesce(given.points, 0), coalesce(kept.points, 0))
FROM given FULL JOIN kept USING (order_id) LEFT JOIN by_hand ON by_hand.order_id = kept.order_id
WHERE coalesce(given.points, 0) > coalesce(kept.points, 0)
  OR (coalesce(given.points, 0) < coalesce(kept.points, 0) AND by_hand.order_id IS NULL)
LIMIT %(limit)s
"""
_COUNTED: Final = """
WITH counted AS (
  SELECT bought.order_id, bought.member_id,
    coalesce((bought.evaluation -> 'counted' ->> 'points')::bigint, first.points) AS points
  FROM members_purchase bought
  CROSS JOIN LATERAL (
    SELECT coalesce(sum((result ->> 'qualifying')::bigint), 0) AS points
    FROM (VALUES ('order.paid'), ('order.completed')) AS trigger(name)
    CROSS JOIN LATERAL jsonb_array_elements(bought.evaluation -> trigger.name -> 'results') result
    WHERE coalesce(result ->> 'currency', 'points') = 'points' AND result ? 'points'
  ) first
  WHERE bought.member_id IS NOT NULL
    AND (uuid_hash(bought.member_id) & 2147483647) %% %(turns)s = %(turn)s
), by_member AS (
  SELECT member_id, sum(points) AS points FROM counted GROUP BY member_id
), told AS (
  -- Orders move with a merged member; what they counted stays written where it was.
  SELECT coalesce(member.merged_into_id, member.id) AS member_id, sum(row.points) AS points
  FROM points_tierqualification row JOIN members_member member ON member.id = row.member_id
  WHERE row.source IN ('order', 'order.completed', 'order.revision', 'return', 'return.recount')
    AND (uuid_hash(coalesce(member.merged_into_id, member.id)) & 2147483647) %% %(turns)s = %(turn)s
  GROUP BY 1
)
SELECT format('member %%s: tier rows say %%s qualifying points, orders %%s',
  coalesce(told.member_id, by_member.member_id), coalesce(told.points, 0), coalesce(by_member.points, 0))
FROM told FULL JOIN by_member USING (member_id)
WHERE coalesce(told.points, 0) <> coalesce(by_member.points, 0)
LIMIT %(limit)s
"""


@invariant("O1", "an order keeps exactly the points that the ledger gave for it and its returns left")
def orders_and_entries(tell: Tell = silent) -> Outcome:
    """Each order's record against the entries that name it, and the other way round."""
    return _look("members_purchase", _KEPT, tell)


@invariant("O2", "qualifying points of the tiers = those of the orders, returns taken off")
def orders_and_tiers(tell: Tell = silent) -> Outcome:
    """Each member's tier rows against their orders."""
    return _look("points_tierqualification", _COUNTED, tell)


def _look(table: str, query: str, tell: Tell) -> Outcome:
    count = stretches.rows(table)
    return Outcome(count, stretches.passes(query, count, tell))
