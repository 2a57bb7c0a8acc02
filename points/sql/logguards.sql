-- The transparency log is only ever added to, like the ledger (guards.sql); its position alone moves, forwards.
CREATE TRIGGER points_logkey_is_written_once
  BEFORE UPDATE OR DELETE OR TRUNCATE ON points_logkey
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();

CREATE TRIGGER points_logleaf_is_written_once
  BEFORE UPDATE OR DELETE OR TRUNCATE ON points_logleaf
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();

CREATE TRIGGER points_lognode_is_written_once
  BEFORE UPDATE OR DELETE OR TRUNCATE ON points_lognode
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();

CREATE TRIGGER points_checkpoint_is_written_once
  BEFORE UPDATE OR DELETE OR TRUNCATE ON points_checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();

CREATE TRIGGER points_logposition_is_never_deleted
  BEFORE DELETE OR TRUNCATE ON points_logposition
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();
