-- What pieces with a cost of their own were redeemed for, less those cancelled, from %(start)s to before %(end)s: points
-- and cost, in the stretches between changes of a point's cost.
SELECT moved.currency, width_bucket(moved.at, %(changes)s::timestamptz[]) AS stretch,
  sum(moved.points)::bigint, sum(moved.cost)
FROM (
  SELECT currency, placed_at AS at, points, quantity * unit_cost AS cost FROM mall_redemption
  WHERE placed_at >= %(start)s AND placed_at < %(end)s AND unit_cost IS NOT NULL
  UNION ALL
  SELECT currency, cancelled_at, -points, -quantity * unit_cost FROM mall_redemption
  WHERE cancelled_at >= %(start)s AND cancelled_at < %(end)s AND unit_cost IS NOT NULL
) moved
GROUP BY 1, 2
