-- Entries from %(first)s to %(last)s that ought to have a leaf: the sealer has passed them, or they are of another
-- database server, or they have waited since before %(late)s. What this very transaction wrote waits for its end.
SELECT format('entry %%s of %%s has no leaf', entry.id, entry.recorded_at)
FROM points_entry entry
LEFT JOIN points_logposition position ON position.id = 1
WHERE entry.id BETWEEN %(first)s AND %(last)s
  -- Entry by entry: a planner that takes a stretch for one row would read all its leaves for each entry.
  AND NOT EXISTS (SELECT 1 FROM points_logleaf leaf WHERE leaf.entry_id = entry.id OFFSET 0)
  AND entry.xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
  AND (
    (entry.xid, entry.id) <= (position.xid, position.entry_id)
    OR entry.xid >= pg_snapshot_xmax(pg_current_snapshot())
    OR (entry.recorded_at < %(late)s AND entry.xid < pg_snapshot_xmin(pg_current_snapshot())))
LIMIT %(limit)s
