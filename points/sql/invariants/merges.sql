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
FROM points_account account JOIN members_member member ON member.id = account.member_id
LEFT JOIN points_account home ON home.id = account.moved_to_id
WHERE account.id BETWEEN %(first)s AND %(last)s
  AND (account.moved_to_id IS NOT NULL OR member.status = 'merged')
  AND (home.member_id, home.currency) IS DISTINCT FROM (member.merged_into_id, account.currency)
LIMIT %(limit)s
