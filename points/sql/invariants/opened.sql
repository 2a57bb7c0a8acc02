-- I3: every credit opened lots of as many points, on its own account; nothing else opened any.
-- Each row is a violation in words, of the entries from %(first)s to %(last)s.
WITH opened AS MATERIALIZED (
  SELECT entry_id, sum(points) AS points, min(account_id::text) AS account, max(account_id::text) AS other
  FROM (
    SELECT * FROM points_lot own WHERE own.id BETWEEN %(first)s AND %(last)s AND own.entry_id = own.id
    UNION ALL
    SELECT * FROM points_lot other WHERE other.entry_id BETWEEN %(first)s AND %(last)s AND other.entry_id <> other.id
  ) lot GROUP BY entry_id
), entry AS (
  SELECT id, account_id, direction, kind, points FROM points_entry WHERE id BETWEEN %(first)s AND %(last)s
)
SELECT CASE
  WHEN entry.id IS NULL THEN format('entry %%s does not exist, but opened lots', opened.entry_id)
  WHEN entry.account_id::text IS DISTINCT FROM opened.account AND opened.points IS NOT NULL
    OR opened.account <> opened.other
    THEN format('entry %%s of account %%s: a lot of another account', entry.id, entry.account_id)
  ELSE format('entry %%s: %%s points, its lots %%s', entry.id, entry.points, coalesce(opened.points, 0)) END
FROM entry FULL JOIN opened ON opened.entry_id = entry.id
WHERE entry.id IS NULL OR entry.account_id::text <> opened.account OR opened.account <> opened.other
  OR coalesce(opened.points, 0)
    <> CASE WHEN entry.direction = 1 AND entry.kind <> 'reversal' THEN entry.points ELSE 0 END
LIMIT %(limit)s
