-- merges: who was merged holds nothing; both sides of every move are equal.
-- Each row is a violation in words.
SELECT format('account %s was merged into %s, but holds %s, %s, %s, %s', account.id, account.moved_to_id,
    account.available, account.pending, account.held, account.debt)
FROM points_account account
WHERE account.moved_to_id IS NOT NULL
  AND (account.available <> 0 OR account.pending <> 0 OR account.held <> 0 OR account.debt <> 0)
UNION ALL
SELECT format('account %s of member %s (%s) moved to %s of member %s', account.id, account.member_id,
    member.status, home.id, home.member_id)
FROM points_account account JOIN members_member member ON member.id = account.member_id
LEFT JOIN points_account home ON home.id = account.moved_to_id
WHERE (account.moved_to_id IS NOT NULL OR member.status = 'merged')
  AND (home.member_id, home.currency) IS DISTINCT FROM (member.merged_into_id, account.currency)
UNION ALL
SELECT format('move %s: %s sent, %s received, %s owed, %s repaid', reference, sent, received, owed, repaid)
FROM (
  SELECT reference, sum(points) FILTER (WHERE rule = 'out') AS sent,
    sum(points) FILTER (WHERE rule = 'in') AS received, sum(points) FILTER (WHERE rule = 'debt') AS owed,
    sum(points) FILTER (WHERE rule = 'repaid') AS repaid
  FROM points_entry WHERE system_account = 'transfer' AND source = 'merge' GROUP BY reference
) moves WHERE sent IS DISTINCT FROM received OR owed IS DISTINCT FROM repaid
LIMIT 5
