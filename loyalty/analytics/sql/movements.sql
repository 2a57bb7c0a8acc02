-- What the entries recorded from %(start)s to before %(end)s moved, in the stretches between changes of a cost.
SELECT account.currency, entry.cost_centre,
  CASE
    WHEN entry.kind = 'opening' THEN 'imported'
    WHEN entry.kind = 'accrual' THEN 'issued'
    WHEN entry.kind IN ('burn', 'capture') THEN 'redeemed'
    WHEN entry.kind = 'expiry' THEN 'expired'
    WHEN entry.system_account = 'transfer' THEN 'transferred'
    WHEN entry.system_account = 'adjustment' THEN 'adjusted'
    WHEN entry.kind = 'clawback' THEN 'taken_back'
    WHEN entry.kind = 'reversal' THEN 'given_back'
    ELSE 'other'
  END AS line,
  width_bucket(entry.recorded_at, %(changes)s::timestamptz[]) AS stretch,
  CASE WHEN entry.effective_at < %(start)s
    THEN date_trunc('month', entry.effective_at AT TIME ZONE %(tz)s)::date END AS late,
  sum(entry.direction * entry.points)::bigint AS points, count(*) AS entries
FROM points_entry entry JOIN points_account account ON account.id = entry.account_id
WHERE entry.recorded_at >= %(start)s AND entry.recorded_at < %(end)s
GROUP BY 1, 2, 3, 4, 5
