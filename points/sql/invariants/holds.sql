-- I4: every hold ends exactly once: captured + released = held = the parts on its lots.
-- Each row is a violation in words, of the holds from %(first)s to %(last)s.
WITH hold AS MATERIALIZED (SELECT * FROM points_hold WHERE id BETWEEN %(first)s AND %(last)s),
parts AS MATERIALIZED (
  -- A hold that moved with its member has parts on the lots it left, too.
  SELECT part.hold_id, sum(part.points) AS points
  FROM points_holdlot part JOIN hold ON hold.id = part.hold_id
  CROSS JOIN LATERAL (
    SELECT FROM points_lot lot WHERE lot.id = part.lot_id AND lot.account_id = hold.account_id OFFSET 0) own
  WHERE part.hold_id BETWEEN %(first)s AND %(last)s GROUP BY part.hold_id
)
SELECT format('hold %%s (%%s): %%s held, %%s captured, %%s released', id, status, points, captured, released)
FROM hold
WHERE CASE WHEN status = 'open' THEN captured <> 0 OR released <> 0 OR ended_at IS NOT NULL
  ELSE captured + released <> points OR captured < 0 OR released < 0 OR ended_at IS NULL
    OR (status = 'captured') <> (captured > 0) END
UNION ALL
SELECT format('hold %%s: %%s held, its lots %%s', hold.id, hold.points, coalesce(parts.points, 0))
FROM hold LEFT JOIN parts ON parts.hold_id = hold.id
WHERE hold.points <> coalesce(parts.points, 0)
LIMIT %(limit)s
