-- I4: what a lot reserves = its parts of the open holds. (A closed lot that reserves anything is found by I3.)
-- Each row is a violation in words, of the lots of the accounts from %(first)s to %(last)s.
WITH reserved AS MATERIALIZED (
  SELECT part.lot_id, sum(part.points) AS points
  FROM points_hold hold
  CROSS JOIN LATERAL (SELECT one.* FROM points_holdlot one WHERE one.hold_id = hold.id OFFSET 0) part
  CROSS JOIN LATERAL (
    SELECT FROM points_lot lot WHERE lot.id = part.lot_id AND lot.account_id = hold.account_id OFFSET 0) own
  WHERE hold.status = 'open' AND hold.account_id BETWEEN %(first)s AND %(last)s GROUP BY part.lot_id
), lot AS MATERIALIZED (  -- by accounts, not in the order of the join's ids: that is all there are
  SELECT id, held FROM points_lot
  WHERE state <> 'closed' AND held <> 0 AND account_id BETWEEN %(first)s AND %(last)s
)
SELECT format('lot %%s: %%s held, its holds %%s', coalesce(lot.id, reserved.lot_id), coalesce(lot.held, 0),
    coalesce(reserved.points, 0))
FROM lot FULL JOIN reserved ON reserved.lot_id = lot.id
WHERE coalesce(lot.held, 0) <> coalesce(reserved.points, 0)
LIMIT %(limit)s
