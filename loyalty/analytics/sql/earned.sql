-- What was earned by month of earning, recorded by %(at)s. What came by a transfer was earned by the giver, and
-- the lot by which a merged member's debt is paid was earned by nobody.
WITH apart AS MATERIALIZED (  -- few, and looked up by each lot; else all lots are looked up by each entry
  SELECT id FROM points_entry WHERE recorded_at > %(at)s OR system_account = 'transfer'
)
SELECT account.currency, date_trunc('month', lot.earned_at AT TIME ZONE %(tz)s)::date AS earned,
  sum(lot.points)::bigint AS points
FROM points_lot lot JOIN points_account account ON account.id = lot.account_id
LEFT JOIN apart ON apart.id = lot.entry_id
WHERE lot.from_lot_id IS NULL AND apart.id IS NULL
GROUP BY 1, 2
