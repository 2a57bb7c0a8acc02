-- I3: remaining of an account's unfinished lots = available + pending + held.
-- Each row is a violation in words, of the accounts from %(first)s to %(last)s.
WITH standing AS MATERIALIZED (
  SELECT account_id, sum(remaining) AS remaining FROM points_lot
  WHERE state <> 'closed' AND account_id BETWEEN %(first)s AND %(last)s GROUP BY account_id
)
SELECT format('account %%s: lots %%s, account %%s', account.id, coalesce(standing.remaining, 0),
    account.available + account.pending + account.held)
FROM points_account account LEFT JOIN standing ON standing.account_id = account.id
WHERE account.id BETWEEN %(first)s AND %(last)s
  AND coalesce(standing.remaining, 0) <> account.available + account.pending + account.held
LIMIT %(limit)s
