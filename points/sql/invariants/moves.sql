-- merges: both sides of every move are equal. A pass over all entries for those merges whose reference hashes to
-- %(turn)s of %(turns)s. Each row is a violation in words.
SELECT format('move %%s: %%s sent, %%s received, %%s owed, %%s repaid', reference, sent, received, owed, repaid)
FROM (
  SELECT reference, sum(points) FILTER (WHERE rule = 'out') AS sent,
    sum(points) FILTER (WHERE rule = 'in') AS received, sum(points) FILTER (WHERE rule = 'debt') AS owed,
    sum(points) FILTER (WHERE rule = 'repaid') AS repaid
  FROM points_entry
  WHERE system_account = 'transfer' AND source = 'merge'
    AND (hashtext(reference) & 2147483647) %% %(turns)s = %(turn)s
  GROUP BY reference
) moves WHERE sent IS DISTINCT FROM received OR owed IS DISTINCT FROM repaid
LIMIT %(limit)s
