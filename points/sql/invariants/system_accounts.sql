-- I8: members' balances, what the system accounts gave, and what of that were transfers between members: by
-- currency, of the accounts from %(first)s to %(last)s, to be added up.
WITH given AS MATERIALIZED (
  SELECT account_id, sum(direction * points) AS points,
    sum(direction * points) FILTER (WHERE system_account = 'transfer') AS transferred
  FROM points_entry WHERE account_id BETWEEN %(first)s AND %(last)s GROUP BY account_id
)
SELECT account.currency, sum(available + pending + held - debt)::bigint,
  coalesce(sum(given.points), 0)::bigint, coalesce(sum(given.transferred), 0)::bigint
FROM points_account account LEFT JOIN given ON given.account_id = account.id
WHERE account.id BETWEEN %(first)s AND %(last)s
GROUP BY account.currency
