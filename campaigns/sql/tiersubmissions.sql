-- A tier programme that was put forward is what is decided and put in force. Superusers in replication mode
-- (restores) pass.
CREATE OR REPLACE FUNCTION campaigns_guard_tier_submission() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a submission of the tiers is never deleted' USING ERRCODE = 'PL090';
  END IF;
  IF OLD.status NOT IN ('pending_approval', 'scheduled') THEN
    RAISE EXCEPTION 'a decided submission of the tiers never changes' USING ERRCODE = 'PL090';
  END IF;
  IF (NEW.id, NEW.number, NEW.body, NEW.instead_of, NEW.program, NEW.needs_approval, NEW.submitted_at,
      NEW.submitted_by, NEW.note)
    IS DISTINCT FROM (OLD.id, OLD.number, OLD.body, OLD.instead_of, OLD.program, OLD.needs_approval,
      OLD.submitted_at, OLD.submitted_by, OLD.note)
  THEN
    RAISE EXCEPTION 'what was submitted of the tiers is frozen' USING ERRCODE = 'PL090';
  END IF;
  IF OLD.approved_by <> ''
    AND (NEW.approved_by, NEW.approved_at, NEW.publish_at)
      IS DISTINCT FROM (OLD.approved_by, OLD.approved_at, OLD.publish_at)
  THEN
    RAISE EXCEPTION 'the approval of the tiers never changes' USING ERRCODE = 'PL090';
  END IF;
  IF NEW.status = 'published' AND NOT EXISTS (
    SELECT 1 FROM points_tierprogram made WHERE made.version = NEW.version AND made.config = NEW.body
  ) THEN
    RAISE EXCEPTION 'what is in force of the tiers is what was submitted' USING ERRCODE = 'PL090';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER campaigns_tiersubmission_is_frozen
  BEFORE UPDATE OR DELETE ON campaigns_tiersubmission
  FOR EACH ROW EXECUTE FUNCTION campaigns_guard_tier_submission();
