-- What members owed at %(at)s: clawbacks recorded by then, less what lots had covered of them by then.
SELECT account.currency, sum(entry.points - coalesce(covered.points, 0))::bigint
FROM points_entry entry JOIN points_account account ON account.id = entry.account_id
LEFT JOIN LATERAL (
  SELECT sum(used.points) AS points FROM points_consumption used
  WHERE used.entry_id = entry.id AND used.recorded_at <= %(at)s
) covered ON true
WHERE entry.kind = 'clawback' AND entry.recorded_at <= %(at)s
GROUP BY 1
