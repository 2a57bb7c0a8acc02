-- I7: an account's debt = what its clawbacks did not find.
-- Each row is a violation in words, of the accounts from %(first)s to %(last)s.
WITH owed AS MATERIALIZED (
  SELECT entry.account_id, sum(entry.points - coalesce(used.points, 0)) AS points
  FROM points_entry entry LEFT JOIN LATERAL (
    SELECT sum(used.points) AS points FROM points_consumption used WHERE used.entry_id = entry.id
  ) used ON true
  WHERE entry.kind = 'clawback' AND entry.account_id BETWEEN %(first)s AND %(last)s
  GROUP BY entry.account_id
)
SELECT format('account %%s: debt %%s, clawbacks %%s', account.id, account.debt, coalesce(owed.points, 0))
FROM points_account account LEFT JOIN owed ON owed.account_id = account.id
WHERE account.id BETWEEN %(first)s AND %(last)s AND account.debt <> coalesce(owed.points, 0)
LIMIT %(limit)s
