-- I4: what an account's holds captured = its entries of that kind. A pass over all of both for those accounts that
-- hash to %(turn)s of %(turns)s: ended holds stand in no order of accounts. Each row is a violation in words.
WITH captured AS MATERIALIZED (
  SELECT account_id, sum(points) AS points FROM points_entry
  WHERE kind = 'capture' AND (uuid_hash(account_id) & 2147483647) %% %(turns)s = %(turn)s GROUP BY account_id
), ended AS MATERIALIZED (
  SELECT account_id, sum(captured) AS points FROM points_hold
  WHERE (uuid_hash(account_id) & 2147483647) %% %(turns)s = %(turn)s GROUP BY account_id
)
SELECT format('account %%s: holds captured %%s, entries %%s', coalesce(ended.account_id, captured.account_id),
    coalesce(ended.points, 0), coalesce(captured.points, 0))
FROM ended FULL JOIN captured ON captured.account_id = ended.account_id
WHERE coalesce(ended.points, 0) <> coalesce(captured.points, 0)
LIMIT %(limit)s
