-- The ledger is written once. Nothing here runs unless somebody tries to rewrite it: the triggers stand on
-- statements that no function of ours contains. Superusers in replication mode (tests, restores) pass.
ALTER TABLE points_account SET (fillfactor = 70);
ALTER TABLE points_lot SET (fillfactor = 85);

CREATE OR REPLACE FUNCTION points_refuse_rewrite() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is only ever added to' USING ERRCODE = 'PL090';
END $$;

CREATE TRIGGER points_entry_is_written_once
  BEFORE UPDATE OR DELETE OR TRUNCATE ON points_entry
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();

CREATE TRIGGER points_consumption_is_written_once
  BEFORE UPDATE OR DELETE OR TRUNCATE ON points_consumption
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();

CREATE TRIGGER points_lot_is_never_deleted
  BEFORE DELETE OR TRUNCATE ON points_lot
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();

CREATE TRIGGER points_lot_keeps_its_origin
  BEFORE UPDATE OF id, account_id, entry_id, from_lot_id, points, earned_at, original_expires_at ON points_lot
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();

CREATE TRIGGER points_account_is_never_deleted
  BEFORE DELETE OR TRUNCATE ON points_account
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();

CREATE TRIGGER points_account_keeps_its_owner
  BEFORE UPDATE OF id, member_id, currency, opened_at ON points_account
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();

CREATE TRIGGER points_hold_is_never_deleted
  BEFORE DELETE OR TRUNCATE ON points_hold
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();

CREATE TRIGGER points_hold_keeps_its_promise
  BEFORE UPDATE OF id, account_id, points, source, reference, expires_at, created_at ON points_hold
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();

CREATE TRIGGER points_holdlot_is_written_once
  BEFORE UPDATE OR DELETE OR TRUNCATE ON points_holdlot
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();
