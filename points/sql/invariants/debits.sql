-- I7: every debit = what it took from lots + its uncovered debt.
-- Each row is a violation in words, of the entries from %(first)s to %(last)s.
WITH used AS MATERIALIZED (
  SELECT entry_id, sum(points) AS points
  FROM points_consumption WHERE entry_id BETWEEN %(first)s AND %(last)s GROUP BY entry_id
), entry AS (
  SELECT id, kind, points, direction FROM points_entry WHERE id BETWEEN %(first)s AND %(last)s
)
SELECT CASE WHEN entry.id IS NULL
  THEN format('entry %%s does not exist, but took %%s points from lots', used.entry_id, used.points)
  ELSE format('entry %%s (%%s): %%s points, %%s from lots', entry.id, entry.kind, entry.points,
    coalesce(used.points, 0)) END
FROM entry FULL JOIN used ON used.entry_id = entry.id
WHERE CASE
  WHEN entry.id IS NULL THEN true
  WHEN entry.kind = 'clawback' THEN coalesce(used.points, 0) NOT BETWEEN 0 AND entry.points
  WHEN entry.direction = -1 THEN coalesce(used.points, 0) <> entry.points
  WHEN entry.kind = 'reversal' THEN coalesce(used.points, 0) <> -entry.points
  ELSE coalesce(used.points, 0) <> 0 END
LIMIT %(limit)s
