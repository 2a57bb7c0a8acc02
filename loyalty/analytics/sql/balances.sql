-- The sum of all members' balances as the entries recorded before %(before)s make it.
SELECT account.currency, sum(entry.direction * entry.points)::bigint
FROM points_entry entry JOIN points_account account ON account.id = entry.account_id
WHERE entry.recorded_at < %(before)s
GROUP BY 1
