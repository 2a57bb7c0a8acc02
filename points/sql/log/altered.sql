-- Leaves from number %(first)s to before %(end)s whose entry is gone or is not what was sealed.
SELECT given.index, CASE
    WHEN e.id IS NULL THEN format('leaf %%s: entry %%s is gone', given.index, given.entry_id)
    ELSE format('leaf %%s: entry %%s is not what was sealed', given.index, given.entry_id)
  END
FROM points_logleaf given
LEFT JOIN LATERAL (SELECT entry.* FROM points_entry entry WHERE entry.id = given.entry_id LIMIT 1) e ON true
WHERE given.index >= %(first)s AND given.index < %(end)s
  AND (e.id IS NULL OR given.hash IS DISTINCT FROM /*leaf*/)
ORDER BY given.index
LIMIT %(limit)s
