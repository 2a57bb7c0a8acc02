-- I2: available, pending, held and debt are never negative; debt leaves nothing available.
-- Each row is a violation in words.
SELECT format('account %s: available %s, pending %s, held %s, debt %s',
    id, available, pending, held, debt)
FROM points_account
WHERE available < 0 OR pending < 0 OR held < 0 OR debt < 0 OR (debt > 0 AND available > 0)
LIMIT 5
