-- The names in the orders recorded after one instant and until another, each once.
WITH recent AS (
  SELECT id, store_id FROM members_purchase WHERE recorded_at > %(after)s AND recorded_at <= %(until)s
)
SELECT DISTINCT 'category', line.category FROM recent
  JOIN members_purchaseline line ON line.purchase_id = recent.id WHERE line.category <> ''
UNION ALL
SELECT DISTINCT 'sku', line.sku FROM recent
  JOIN members_purchaseline line ON line.purchase_id = recent.id WHERE line.sku <> ''
UNION ALL
SELECT DISTINCT 'store', store_id FROM recent WHERE store_id <> ''
