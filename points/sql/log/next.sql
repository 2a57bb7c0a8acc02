-- The next entries by (xid, id) whose transactions, and all begun before them, have ended.
SELECT entry.* FROM points_entry entry
WHERE entry.xid >= %(xid)s::xid8 AND (entry.xid > %(xid)s::xid8 OR entry.id > %(entry_id)s)
  AND entry.xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY entry.xid, entry.id
LIMIT %(limit)s
