-- I1: entries of an account = available + pending + held − debt; lots and holds agree.
-- Each row is a violation in words, of the accounts from %(first)s to %(last)s.
WITH account AS MATERIALIZED (
  SELECT * FROM points_account WHERE id BETWEEN %(first)s AND %(last)s
), chain AS MATERIALIZED (
  SELECT id, account_id, seq, balance_after, direction * points AS moved,
    lag(balance_after, 1, 0::bigint) OVER (PARTITION BY account_id ORDER BY seq) AS before
  FROM points_entry WHERE account_id BETWEEN %(first)s AND %(last)s
), booked AS MATERIALIZED (
  SELECT account_id, sum(moved) AS total, count(*) AS entries, max(seq) AS last FROM chain GROUP BY account_id
), lots AS MATERIALIZED (
  SELECT account_id, sum(remaining) FILTER (WHERE state = 'pending') AS pending, sum(held) AS held
  FROM points_lot WHERE state <> 'closed' AND account_id BETWEEN %(first)s AND %(last)s GROUP BY account_id
), holds AS MATERIALIZED (
  SELECT account_id, sum(points) AS held
  FROM points_hold WHERE status = 'open' AND account_id BETWEEN %(first)s AND %(last)s GROUP BY account_id
)
SELECT format('account %%s: balance %%s, entries %%s', account.id,
    account.available + account.pending + account.held - account.debt, coalesce(booked.total, 0))
FROM account LEFT JOIN booked ON booked.account_id = account.id
WHERE account.available + account.pending + account.held - account.debt
  IS DISTINCT FROM coalesce(booked.total, 0)
UNION ALL
SELECT format('account %%s: %%s entries, last number %%s, account says %%s', account.id,
    booked.entries, booked.last, account.last_seq)
FROM account LEFT JOIN booked ON booked.account_id = account.id
WHERE (account.last_seq, account.last_seq)
  IS DISTINCT FROM (coalesce(booked.entries, 0), coalesce(booked.last, 0))
UNION ALL
SELECT format('account %%s: pending %%s, lots %%s', account.id, account.pending, coalesce(lots.pending, 0))
FROM account LEFT JOIN lots ON lots.account_id = account.id
WHERE account.pending <> coalesce(lots.pending, 0)
UNION ALL
SELECT format('account %%s: held %%s, lots %%s, holds %%s', account.id, account.held,
    coalesce(lots.held, 0), coalesce(holds.held, 0))
FROM account LEFT JOIN lots ON lots.account_id = account.id
LEFT JOIN holds ON holds.account_id = account.id
WHERE account.held <> coalesce(lots.held, 0) OR account.held <> coalesce(holds.held, 0)
UNION ALL
SELECT format('entry %%s: account %%s does not exist', chain.id, chain.account_id)
FROM booked JOIN chain USING (account_id) LEFT JOIN account ON account.id = booked.account_id
WHERE account.id IS NULL
UNION ALL
SELECT format('entry %%s: balance_after %%s, but %%s before and %%s moved', id, balance_after, before, moved)
FROM chain WHERE balance_after <> before + moved
LIMIT %(limit)s
