-- merges: who was merged holds nothing, and their accounts moved to those of the same person.
-- Each row is a violation in words, of the accounts from %(first)s to %(last)s.
SELECT format('account %%s was merged into %%s, but holds %%s, %%s, %%s, %%s', account.id, account.moved_to_id,
    account.available, account.pending, account.held, account.debt)
FROM points_account account
WHERE account.moved_to_id IS NOT NULL AND account.id BETWEEN %(first)s AND %(last)s
  AND (account.available <> 0 OR account.pending <> 0 OR account.held <> 0 OR account.debt <> 0)
UNION ALL
SELECT format('account %%s of member %%s (%%s) moved to %%s of member %%s', account.id, account.member_id,
    member.status, home.id, home.member_id)
FROM points_account account
CROSS JOIN LATERAL (
  SELECT one.status, one.merged_into_id FROM members_member one WHERE one.id = account.member_id OFFSET 0) member
LEFT JOIN LATERAL (
  SELECT one.id, one.member_id, one.currency
  FROM points_account one WHERE one.id = account.moved_to_id OFFSET 0) home ON true
WHERE account.id BETWEEN %(first)s AND %(last)s
  AND (account.moved_to_id IS NOT NULL OR member.status = 'merged')
  AND (home.member_id, home.currency) IS DISTINCT FROM (member.merged_into_id, account.currency)
LIMIT %(limit)s
