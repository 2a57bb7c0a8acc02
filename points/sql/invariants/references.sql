-- I5: (kind, source, reference, rule) is unique.
-- Each row is a violation in words.
SELECT format('%s %s %s %s: %s entries', kind, source, reference, rule, count(*))
FROM points_entry GROUP BY kind, source, reference, rule HAVING count(*) > 1
LIMIT 5
