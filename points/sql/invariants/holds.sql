-- I4: every hold ends exactly once: captured + released = held.
-- Each row is a violation in words.
WITH parts AS (
  -- A hold that moved with its member has parts on the lots it left, too.
  SELECT part.hold_id, sum(part.points) AS points
  FROM points_holdlot part JOIN points_hold hold ON hold.id = part.hold_id
  JOIN points_lot lot ON lot.id = part.lot_id AND lot.account_id = hold.account_id GROUP BY part.hold_id
),
reserved AS (
  SELECT part.lot_id, sum(part.points) AS points
  FROM points_holdlot part JOIN points_hold hold ON hold.id = part.hold_id AND hold.status = 'open'
  JOIN points_lot lot ON lot.id = part.lot_id AND lot.account_id = hold.account_id
  GROUP BY part.lot_id
), captured AS (
  SELECT account_id, sum(points) AS points FROM points_entry WHERE kind = 'capture' GROUP BY account_id
), ended AS (SELECT account_id, sum(captured) AS points FROM points_hold GROUP BY account_id)
SELECT format('hold %s (%s): %s held, %s captured, %s released', id, status, points, captured, released)
FROM points_hold
WHERE CASE WHEN status = 'open' THEN captured <> 0 OR released <> 0 OR ended_at IS NOT NULL
  ELSE captured + released <> points OR captured < 0 OR released < 0 OR ended_at IS NULL
    OR (status = 'captured') <> (captured > 0) END
UNION ALL
SELECT format('hold %s: %s held, its lots %s', hold.id, hold.points, coalesce(parts.points, 0))
FROM points_hold hold LEFT JOIN parts ON parts.hold_id = hold.id
WHERE hold.points <> coalesce(parts.points, 0)
UNION ALL
SELECT format('lot %s: %s held, its holds %s', lot.id, lot.held, coalesce(reserved.points, 0))
FROM points_lot lot FULL JOIN reserved ON reserved.lot_id = lot.id
WHERE coalesce(lot.held, 0) <> coalesce(reserved.points, 0)
UNION ALL
SELECT format('account %s: holds captured %s, entries %s', coalesce(ended.account_id, captured.account_id),
    coalesce(ended.points, 0), coalesce(captured.points, 0))
FROM ended FULL JOIN captured ON captured.account_id = ended.account_id
WHERE coalesce(ended.points, 0) <> coalesce(captured.points, 0)
LIMIT 5
