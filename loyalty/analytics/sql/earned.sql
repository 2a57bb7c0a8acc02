-- What was earned by month of earning, recorded by %(at)s. What came by a transfer was earned by the giver, and
-- the lot by which a merged member's debt is paid was earned by nobody.
SELECT account.currency, date_trunc('month', lot.earned_at AT TIME ZONE %(tz)s)::date AS earned,
  sum(lot.points)::bigint AS points
FROM points_lot lot JOIN points_account account ON account.id = lot.account_id
WHERE lot.from_lot_id IS NULL AND NOT EXISTS (
  SELECT 1 FROM points_entry opening WHERE opening.id = lot.entry_id AND opening.recorded_at > %(at)s)
  AND NOT EXISTS (
    SELECT 1 FROM points_entry opening
    WHERE opening.id = lot.entry_id AND opening.system_account = 'transfer')
GROUP BY 1, 2
