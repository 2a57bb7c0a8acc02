-- I3: no lot gave more than it got, and its state is that of what it still has.
-- Each row is a violation in words, of the lots from %(first)s to %(last)s.
WITH used AS MATERIALIZED (
  SELECT lot_id, sum(points) AS points FROM points_consumption
  WHERE lot_id BETWEEN %(first)s AND %(last)s GROUP BY lot_id
), lot AS (SELECT * FROM points_lot WHERE id BETWEEN %(first)s AND %(last)s)
SELECT CASE WHEN lot.id IS NULL
  THEN format('lot %%s does not exist, but gave %%s points', used.lot_id, used.points)
  ELSE format('lot %%s: %%s points, %%s used, %%s remaining, %%s held', lot.id, lot.points,
    coalesce(used.points, 0), lot.remaining, lot.held) END
FROM lot FULL JOIN used ON used.lot_id = lot.id
WHERE lot.id IS NULL OR lot.remaining <> lot.points - coalesce(used.points, 0)
  OR lot.held < 0 OR lot.held > lot.remaining OR lot.remaining > lot.points
  OR (lot.state = 'closed') <> (lot.remaining = 0) OR (lot.state = 'pending' AND lot.held > 0)
  OR lot.points < 1 OR num_nonnulls(lot.expires_at, lot.inactivity_months) > 1
LIMIT %(limit)s
