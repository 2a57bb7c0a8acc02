-- due: nothing falls due before the account's next_due_at.
-- Each row is a violation in words, of the accounts from %(first)s to %(last)s.
SELECT 'account ' || account.id || ': due ' || points_next_due(account, %(tz)s) || ', looked at again '
  || coalesce(account.next_due_at::text, 'never')
FROM points_account account
WHERE account.id BETWEEN %(first)s AND %(last)s
  AND points_next_due(account, %(tz)s) < coalesce(account.next_due_at, 'infinity')
LIMIT %(limit)s
