-- I5: (kind, source, reference, rule) is unique. A page of %(limit)s entries in the order of the index, from the last
-- one of the page before on: how many there are, the last, and in words those that share all four. What the page
-- ends with is judged by the next page, which begins with it, unless there is none.
WITH page AS MATERIALIZED (
  SELECT reference, source, kind, rule FROM points_entry
  WHERE (reference, source, kind, rule) >= (%(reference)s, %(source)s, %(kind)s, %(rule)s)
  ORDER BY reference, source, kind, rule LIMIT %(limit)s
), size AS (SELECT count(*) AS entries, count(*) < %(limit)s AS final FROM page
), last AS (
  SELECT * FROM page ORDER BY reference DESC, source DESC, kind DESC, rule DESC LIMIT 1
)
SELECT size.entries, last.reference, last.source, last.kind, last.rule, ARRAY(
  SELECT format('%%s %%s %%s %%s: %%s entries', kind, source, reference, rule, count(*))
  FROM page GROUP BY reference, source, kind, rule
  HAVING count(*) > 1 AND (size.final
    OR (reference, source, kind, rule) <> (last.reference, last.source, last.kind, last.rule)
    OR (reference, source, kind, rule) = (%(reference)s, %(source)s, %(kind)s, %(rule)s))
  LIMIT 5)
FROM size LEFT JOIN last ON true
