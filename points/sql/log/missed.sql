-- Entries without a leaf that the sealer should have passed by now: below the transactions that ran when the
-- search began, or of another database server (no transaction of this one has a number that high).
SELECT entry.* FROM points_entry entry
WHERE entry.recorded_at >= %(since)s
  AND (entry.xid < %(before)s::xid8 OR entry.xid >= pg_snapshot_xmax(pg_current_snapshot()))
  AND NOT EXISTS (SELECT FROM points_logleaf leaf WHERE leaf.entry_id = entry.id)
ORDER BY entry.xid, entry.id
LIMIT %(limit)s
