-- An order's two visits to the database: what must be known before the rules are asked, and what they decided.

-- Finds the member by id or by one identity, follows a merge, locks their account in the default currency
-- (settling what is due), and reads under the lock all that an order needs to know. Null: no such member.
-- Each statement sees what was committed before it began, so nothing here was read before the lock was had.
CREATE OR REPLACE FUNCTION campaigns_order_enter(
  p_member uuid, p_provider text, p_app text, p_subject text, p_order text, p_now timestamptz, p_tz text
) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_member uuid := p_member;
  v_status text;
  v_account jsonb;
  v_into uuid;
  v_found json;
BEGIN
  IF v_member IS NULL THEN
    SELECT member_id INTO v_member FROM members_identity
    WHERE provider = p_provider AND app_id = p_app AND subject = p_subject;
  END IF;
  SELECT status, coalesce(merged_into_id, id) INTO v_status, v_member FROM members_member WHERE id = v_member;
  IF NOT FOUND THEN
    RETURN NULL;
  ELSIF v_status = 'closed' THEN
    RETURN json_build_object('id', v_member, 'status', v_status);
  END IF;
  LOOP
    v_account := points_lock(v_member, 'points', p_now, p_tz);
    SELECT member.merged_into_id, json_build_object(
        'id', member.id, 'status', member.status, 'region', member.region, 'tags', member.tags,
        'children', member.children, 'birthday', member.birthday, 'enrolled_at', member.enrolled_at,
        'referrer_id', member.referrer_id,
        'segments', coalesce((SELECT json_agg(kept.code) FROM campaigns_segmentmember kept
          WHERE kept.member_id = member.id), '[]'),
        'account', v_account,
        'revision', (SELECT revision FROM campaigns_rulesinforce WHERE id = 1),
        'purchase_id', (SELECT id FROM members_purchase WHERE order_id = p_order),
        'has_parked', EXISTS (SELECT 1 FROM members_parkedreturn
          WHERE order_id = p_order AND applied_at IS NULL AND dropped_at IS NULL),
        'tier', CASE WHEN program.id IS NOT NULL THEN json_build_array(
          program.config::text, program.version, tier.code, tier.since, tier.until, tier.review_at,
          tier.earned_at, tier.previous, tier.program_version) END)
    INTO v_into, v_found
    FROM members_member member
    LEFT JOIN points_tierprogram program ON program.id = 1
    LEFT JOIN points_membertier tier ON tier.member_id = member.id
    WHERE member.id = v_member;
    -- The member may have been merged while we waited for the lock.
    EXIT WHEN v_into IS NULL;
    v_member := v_into;
  END LOOP;
  RETURN v_found;
END $$;

-- Writes an order with its lines; its entries, lots and their event; what it counts for the tier; and its own
-- event. Returns what was posted (null: nothing), `points` (what the order gave), and `qualifying` (the sum by
-- p_qualify_by over the window; null where nobody asks). False for `recorded`: the order number is taken, and
-- the caller undoes the rest. Parts that an order does not have are null.
CREATE OR REPLACE FUNCTION campaigns_order_record(
  p_purchase uuid, p_order text, p_member uuid, p_status text, p_ordered_at timestamptz,
  p_completed_at timestamptz, p_channel text, p_store text, p_region text, p_currency text, p_amount numeric,
  p_attributes jsonb, p_payments jsonb, p_hash text, p_evaluation jsonb, p_visible_earn boolean,
  p_visible_bonus boolean, p_lines jsonb, p_journal uuid, p_entries jsonb, p_data text, p_qualification uuid,
  p_count bigint, p_spend numeric, p_visits integer, p_qualify_by text, p_from timestamptz, p_to timestamptz,
  p_event uuid, p_payload jsonb, p_now timestamptz, p_tz text
) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_posted json;
  v_points jsonb := '{"accrued": 0, "pending": 0, "debt_repaid": 0}';
  v_qualifying numeric;
BEGIN
  IF p_entries IS NOT NULL THEN
    v_posted := points_post(p_member, p_journal, p_entries, p_now, p_tz, 'points.accrued', p_data);
    SELECT jsonb_build_object(
      'accrued', coalesce(sum(points), 0),
      'pending', coalesce(sum(points) FILTER (WHERE pending), 0),
      'debt_repaid', coalesce(sum(debt_repaid), 0))
    INTO v_points
    FROM json_to_recordset(v_posted -> 'entries')
      AS entry(points bigint, points_currency text, pending boolean, debt_repaid bigint)
    WHERE points_currency = 'points';
    p_evaluation := p_evaluation || jsonb_build_object('points', v_points);
  END IF;

  INSERT INTO members_purchase(
    id, order_id, member_id, status, ordered_at, completed_at, channel, store_id, region, currency, amount,
    attributes, payments, content_hash, revision, evaluation, journal_id, visible_earn, visible_bonus,
    recorded_at)
  VALUES (
    p_purchase, p_order, p_member, p_status, p_ordered_at, p_completed_at, p_channel, p_store, p_region,
    p_currency, p_amount, p_attributes, p_payments, p_hash, 1, p_evaluation,
    CASE WHEN p_entries IS NOT NULL THEN p_journal END, p_visible_earn, p_visible_bonus, p_now)
  ON CONFLICT (order_id) DO NOTHING;
  IF NOT FOUND THEN
    RETURN json_build_object('recorded', false);
  END IF;
  INSERT INTO members_purchaseline(
    id, purchase_id, line_id, position, sku, name, category, brand, product_line, tags, quantity, returned,
    unit_price, discount)
  SELECT line.id, p_purchase, line.line_id, line.position, line.sku, line.name, line.category, line.brand,
    line.product_line, line.tags, line.quantity, 0, line.unit_price, line.discount
  FROM jsonb_to_recordset(p_lines) AS line(
    id uuid, line_id text, position integer, sku text, name text, category text, brand text,
    product_line text, tags jsonb, quantity numeric, unit_price numeric, discount numeric);

  IF p_qualification IS NOT NULL THEN
    INSERT INTO points_tierqualification(id, member_id, at, points, spend, visits, source, reference)
    VALUES (p_qualification, p_member, p_ordered_at, p_count, p_spend, p_visits, 'order', p_order);
    IF p_qualify_by = 'points' THEN
      SELECT coalesce(sum(points), 0) INTO v_qualifying FROM points_tierqualification
      WHERE member_id = p_member AND at >= p_from AND at < p_to;
    ELSIF p_qualify_by = 'spend' THEN
      SELECT coalesce(sum(spend), 0) INTO v_qualifying FROM points_tierqualification
      WHERE member_id = p_member AND at >= p_from AND at < p_to;
    END IF;
  END IF;

  INSERT INTO outbox_event(id, type, payload, member_id, occurred_at)
  VALUES (p_event, 'order.recorded', p_payload || jsonb_build_object('points', v_points), p_member, p_now);
  RETURN json_build_object(
    'recorded', true, 'posted', v_posted, 'points', v_points, 'qualifying', v_qualifying::text);
END $$;
