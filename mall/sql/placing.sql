-- A redemption's two visits to the database: what the judgement asks, and what it decided.

-- Locks the member's account in the currency that all calls for the reward meet at, and reads under the lock
-- what placing asks: the member, the redemption of this reference, the reward with its stock and offers, and how
-- many pieces the member had. Null: no such member.
CREATE OR REPLACE FUNCTION mall_redemption_enter(
  p_member uuid, p_reward uuid, p_reference text, p_now timestamptz, p_tz text
) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_currency text;
  v_account jsonb;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM members_member WHERE id = p_member) THEN
    RETURN NULL;
  END IF;
  SELECT CASE WHEN bool_or(currency = 'points') IS NOT FALSE THEN 'points' ELSE min(currency COLLATE "C") END
  INTO v_currency FROM mall_offer WHERE reward_id = p_reward;
  v_account := points_lock(p_member, v_currency, p_now, p_tz);
  RETURN json_build_object(
    'account', v_account,
    'member', (SELECT json_build_object('status', status, 'birthday', birthday, 'children', children)
      FROM members_member WHERE id = p_member),
    'known', (SELECT id FROM mall_redemption WHERE reference = p_reference),
    'reward', (SELECT json_build_object('id', id, 'name', name, 'kind', kind, 'sku', sku, 'image', image,
        'category', category, 'tags', tags, 'status', status, 'stock_id', stock_id)
      FROM mall_reward WHERE id = p_reward),
    'stock', (SELECT json_build_object('id', item.id, 'on_hand', item.on_hand)
      FROM mall_reward reward JOIN mall_stockitem item ON item.id = reward.stock_id WHERE reward.id = p_reward),
    'offers', (SELECT json_agg(json_build_object('id', id, 'points', points, 'currency', currency,
        'starts_at', starts_at, 'ends_at', ends_at, 'limit_per_member', limit_per_member, 'tier_min', tier_min,
        'enabled', enabled) ORDER BY is_main DESC, id)
      FROM mall_offer WHERE reward_id = p_reward),
    'cuts', (SELECT json_agg(json_build_object('until', span.ends_at, 'cut', json_build_object('campaign',
        cut.campaign, 'percent', cut.percent, 'points', cut.points, 'rewards', cut.rewards, 'categories',
        cut.categories)))
      FROM mall_pricecutspan span JOIN mall_pricecut cut ON cut.id = span.cut_id
      WHERE cut.is_open AND span.ends_at > p_now AND span.starts_at <= p_now),
    'taken', (SELECT coalesce(sum(quantity), 0) FROM mall_redemption
      WHERE member_id = p_member AND reward_id = p_reward AND status <> 'cancelled'));
END $$;

-- Takes the points, then the pieces; writes the redemption (with what a piece costs the brand now, and from the
-- payload what the points would have been without a price cut), its first step and its event. Returns the ledger's
-- answer as `burnt` and the stock as it stands after (null: none is kept). Instead: `left` where fewer pieces lie
-- ready than wanted, `taken` where the reference or the code belongs to another; the caller undoes the rest.
CREATE OR REPLACE FUNCTION mall_redemption_place(
  p_id uuid, p_reference text, p_hash text, p_member uuid, p_reward uuid, p_offer uuid, p_stock uuid,
  p_quantity integer, p_points bigint, p_currency text, p_code text, p_address jsonb, p_actor text,
  p_step uuid, p_event uuid, p_payload jsonb, p_now timestamptz, p_tz text
) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_burnt json;
  v_entry uuid;
  v_stock json;
BEGIN
  v_burnt := points_debit(
    p_member, p_currency, p_points, 'burn', 'redemption', 'redemption', p_reference, '', p_actor, '',
    'points.burned', p_now, p_tz);
  IF v_burnt ->> 'replayed' = 'true' THEN
    RETURN json_build_object('taken', true);
  END IF;
  v_entry := (v_burnt -> 'entries' -> 0 ->> 'entry_id')::uuid;
  IF p_stock IS NOT NULL THEN
    UPDATE mall_stockitem
    SET on_hand = on_hand - p_quantity, taken = taken + p_quantity, updated_at = p_now
    WHERE id = p_stock AND on_hand >= p_quantity
    RETURNING json_build_object('sku', sku, 'on_hand', on_hand, 'low_at', low_at) INTO v_stock;
    IF NOT FOUND THEN
      RETURN json_build_object('left', (SELECT on_hand FROM mall_stockitem WHERE id = p_stock));
    END IF;
  END IF;
  INSERT INTO mall_redemption(
    id, reference, content_hash, member_id, reward_id, offer_id, stock_id, quantity, points, currency,
    full_points, campaign, unit_cost, status, entry_id, code, address, carrier, tracking_number, actor, placed_at,
    updated_at)
  SELECT
    p_id, p_reference, p_hash, p_member, p_reward, p_offer, p_stock, p_quantity, p_points, p_currency,
    (p_payload ->> 'full_points')::bigint, coalesce(p_payload ->> 'campaign', ''), reward.unit_cost, 'placed',
    v_entry, p_code, p_address, '', '', p_actor, p_now, p_now
  FROM mall_reward reward WHERE reward.id = p_reward
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN json_build_object('taken', true);
  END IF;
  INSERT INTO mall_redemptionstep(id, redemption_id, from_status, to_status, at, actor, note)
  VALUES (p_step, p_id, '', 'placed', p_now, p_actor, '');
  INSERT INTO outbox_event(id, type, payload, member_id, occurred_at)
  VALUES (
    p_event, 'redemption.placed', p_payload || jsonb_build_object('entry_id', v_entry), p_member, p_now);
  RETURN json_build_object('burnt', v_burnt, 'stock', v_stock);
END $$;
