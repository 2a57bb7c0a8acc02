-- A lot as the leaf of the entry that opened it says it; in the order of their ids.
concat(
  '{"earned_at":"', to_char(lot.earned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  '","expires_at":', coalesce('"' || to_char(
    lot.original_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"', 'null'),
  ',"from":', coalesce('"' || lot.from_lot_id || '"', 'null'),
  ',"lot":"', lot.id,
  '","points":', lot.points, '}')
