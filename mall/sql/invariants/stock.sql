-- I10: what was taken from the stock is what redemptions took. Each row is a violation in words.
WITH used AS (
  SELECT stock_id, sum(quantity) AS quantity FROM mall_redemption
  WHERE status <> 'cancelled' AND stock_id IS NOT NULL AND (uuid_hash(stock_id) & 2147483647) %% %(turns)s = %(turn)s
  GROUP BY stock_id
)
SELECT format('stock of %%s: %%s taken, but redemptions took %%s', item.sku, item.taken, coalesce(used.quantity, 0))
FROM mall_stockitem item LEFT JOIN used ON used.stock_id = item.id
WHERE (uuid_hash(item.id) & 2147483647) %% %(turns)s = %(turn)s
  AND (coalesce(used.quantity, 0) <> item.taken OR item.on_hand <> item.received - item.taken)
LIMIT %(limit)s
