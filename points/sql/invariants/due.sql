-- due: nothing falls due before the account's next_due_at.
-- Each row is a violation in words.
SELECT 'account ' || account.id || ': due ' || points_next_due(account, %(tz)s) || ', looked at again '
  || coalesce(account.next_due_at::text, 'never')
FROM points_account account
WHERE points_next_due(account, %(tz)s) < coalesce(account.next_due_at, 'infinity')
LIMIT 5
