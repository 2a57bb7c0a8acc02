-- What became of the points of each month of earning, by the month in which it was recorded, by %(at)s.
SELECT account.currency, date_trunc('month', lot.earned_at AT TIME ZONE %(tz)s)::date AS earned,
  date_trunc('month', used.recorded_at AT TIME ZONE %(tz)s)::date AS recorded,
  CASE
    WHEN entry.kind IN ('burn', 'capture') THEN 'redeemed'
    WHEN entry.kind = 'reversal' AND entry.system_account = 'redemption' THEN 'redeemed'
    WHEN entry.kind = 'expiry' THEN 'expired'
    WHEN entry.kind = 'clawback' AND lot.from_lot_id IS NULL AND EXISTS (
      SELECT 1 FROM points_entry opening
      WHERE opening.id = lot.entry_id AND opening.system_account = 'transfer') THEN 'transferred'
    WHEN entry.kind = 'clawback' THEN 'taken_back'
    WHEN entry.kind = 'transfer' THEN 'transferred'
    ELSE 'adjusted'
  END AS fate,
  sum(used.points)::bigint AS points
FROM points_consumption used
JOIN points_lot lot ON lot.id = used.lot_id
JOIN points_entry entry ON entry.id = used.entry_id
JOIN points_account account ON account.id = lot.account_id
WHERE used.recorded_at <= %(at)s
GROUP BY 1, 2, 3, 4
