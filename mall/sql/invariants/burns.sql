-- I10: each burn for a redemption has one.
-- Each row is a violation in words, of the entries from %(first)s to %(last)s.
SELECT format('entry %%s is a redemption''s burn that no redemption stands for', burn.id)
FROM points_entry burn
LEFT JOIN mall_redemption redemption ON redemption.entry_id = burn.id
WHERE burn.id BETWEEN %(first)s AND %(last)s
  AND burn.source = 'redemption' AND burn.kind = 'burn' AND redemption.id IS NULL
LIMIT %(limit)s
