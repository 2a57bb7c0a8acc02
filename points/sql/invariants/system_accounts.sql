-- I8: members' balances = the other side: issued + opening − redeemed − expired ± adjusted.
-- Each row is a violation in words.
WITH given AS (
  SELECT account.currency, sum(entry.direction * entry.points) AS points,
    sum(entry.direction * entry.points) FILTER (WHERE entry.system_account = 'transfer') AS transferred
  FROM points_entry entry JOIN points_account account ON account.id = entry.account_id
  GROUP BY account.currency
), held AS (
  SELECT currency, sum(available + pending + held - debt) AS points FROM points_account GROUP BY currency
)
SELECT format('%s: members hold %s, system accounts gave %s, transfers %s', held.currency, held.points,
    coalesce(given.points, 0), coalesce(given.transferred, 0))
FROM held LEFT JOIN given ON given.currency = held.currency
WHERE held.points <> coalesce(given.points, 0) OR coalesce(given.transferred, 0) <> 0
LIMIT 5
