-- What lots held as the books said at %(at)s: opened by then, what they have left and what entries recorded since
-- took from them. (What a lot has left is what it got less all that was taken; I3 of verify_ledger looks into that.)
WITH since AS MATERIALIZED (  -- once: each parallel worker would add up all of it
  SELECT used.lot_id, sum(used.points) AS points
  FROM points_consumption used WHERE used.recorded_at > %(at)s GROUP BY used.lot_id
), later AS MATERIALIZED (SELECT id FROM points_entry WHERE recorded_at > %(at)s),
standing AS (
  SELECT lot.account_id, lot.earned_at, lot.inactivity_months,
    lot.remaining + coalesce(since.points, 0) AS points,
    -- A grace for points that were given back moves the end, and so does a notice that came late; before that it
    -- was the original one.
    CASE
      WHEN lot.expires_at IS NOT DISTINCT FROM lot.original_expires_at OR EXISTS (
        SELECT 1 FROM points_consumption back
        WHERE back.lot_id = lot.id AND back.points < 0 AND back.recorded_at <= %(at)s)
        OR EXISTS (
        SELECT 1 FROM points_expirynotice told
        WHERE told.account_id = lot.account_id AND told.announced_at <= %(at)s
          AND (told.expires_on + 1)::timestamp AT TIME ZONE %(tz)s = lot.expires_at)
      THEN lot.expires_at ELSE lot.original_expires_at
    END AS expires_at,
    CASE
      WHEN lot.waits_for IS NOT NULL THEN lot.state = 'pending' OR lot.available_at IS NULL
        OR lot.available_at > %(at)s
      ELSE lot.available_at > %(at)s
    END AS pending
  FROM points_lot lot LEFT JOIN since ON since.lot_id = lot.id LEFT JOIN later ON later.id = lot.entry_id
  WHERE lot.remaining + coalesce(since.points, 0) > 0 AND later.id IS NULL
)
SELECT account.currency,
  date_trunc('month', standing.earned_at AT TIME ZONE %(tz)s)::date AS earned,
  width_bucket(standing.earned_at, %(bands)s::timestamptz[]) AS band,
  CASE
    WHEN standing.expires_at <= %(at)s THEN 'due'
    WHEN standing.expires_at IS NOT NULL
      THEN to_char((standing.expires_at - interval '1 microsecond') AT TIME ZONE %(tz)s, 'YYYY-MM')
    WHEN standing.inactivity_months IS NOT NULL THEN 'inactivity'
    ELSE 'never'
  END AS expiry,
  coalesce(standing.pending, false) AS pending,
  sum(standing.points)::bigint AS points, count(*) AS lots
FROM standing JOIN points_account account ON account.id = standing.account_id
GROUP BY 1, 2, 3, 4, 5
