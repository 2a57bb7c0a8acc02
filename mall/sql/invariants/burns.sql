-- I10: each burn for a redemption has one.
-- Each row is a violation in words, of the entries from %(first)s to %(last)s.
SELECT format('entry %%s is a redemption''s burn that no redemption stands for', burn.id)
FROM points_entry burn
WHERE burn.id BETWEEN %(first)s AND %(last)s AND burn.source = 'redemption' AND burn.kind = 'burn'
  AND NOT EXISTS (SELECT 1 FROM mall_redemption redemption WHERE redemption.entry_id = burn.id OFFSET 0)
LIMIT %(limit)s
