-- I2: available, pending, held and debt are never negative; debt leaves nothing available.
-- Each row is a violation in words, of the accounts from %(first)s to %(last)s.
SELECT format('account %%s: available %%s, pending %%s, held %%s, debt %%s',
    id, available, pending, held, debt)
FROM points_account
WHERE id BETWEEN %(first)s AND %(last)s
  AND (available < 0 OR pending < 0 OR held < 0 OR debt < 0 OR (debt > 0 AND available > 0))
LIMIT %(limit)s
