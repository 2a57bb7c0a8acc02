-- What holds reserved at %(at)s.
SELECT account.currency, sum(hold.points)::bigint
FROM points_hold hold JOIN points_account account ON account.id = hold.account_id
WHERE hold.created_at <= %(at)s AND (hold.ended_at IS NULL OR hold.ended_at > %(at)s)
GROUP BY 1
