-- What was put forward is what is decided and published. Superusers in replication mode (restores) pass.
CREATE OR REPLACE FUNCTION campaigns_guard_submission() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a submission of a rule is never deleted' USING ERRCODE = 'PL090';
  END IF;
  IF OLD.status NOT IN ('pending_approval', 'scheduled') THEN
    RAISE EXCEPTION 'a decided submission of a rule never changes' USING ERRCODE = 'PL090';
  END IF;
  IF (NEW.id, NEW.rule_id, NEW.number, NEW.body, NEW.retires, NEW.needs_approval, NEW.submitted_at,
      NEW.submitted_by, NEW.note)
    IS DISTINCT FROM (OLD.id, OLD.rule_id, OLD.number, OLD.body, OLD.retires, OLD.needs_approval,
      OLD.submitted_at, OLD.submitted_by, OLD.note)
  THEN
    RAISE EXCEPTION 'what was submitted of a rule is frozen' USING ERRCODE = 'PL090';
  END IF;
  IF OLD.approved_by <> ''
    AND (NEW.approved_by, NEW.approved_at, NEW.publish_at)
      IS DISTINCT FROM (OLD.approved_by, OLD.approved_at, OLD.publish_at)
  THEN
    RAISE EXCEPTION 'the approval of a rule never changes' USING ERRCODE = 'PL090';
  END IF;
  IF NEW.status = 'published' AND NOT EXISTS (
    SELECT 1 FROM campaigns_ruleversion made
    WHERE made.rule_id = NEW.rule_id AND made.version = NEW.version AND made.body = NEW.body
  ) THEN
    RAISE EXCEPTION 'what is published of a rule is what was submitted' USING ERRCODE = 'PL090';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER campaigns_rulesubmission_is_frozen
  BEFORE UPDATE OR DELETE ON campaigns_rulesubmission
  FOR EACH ROW EXECUTE FUNCTION campaigns_guard_submission();

CREATE OR REPLACE FUNCTION campaigns_refuse_step_rewrite() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  RAISE EXCEPTION 'the life of a rule is only ever added to' USING ERRCODE = 'PL090';
END $$;

CREATE OR REPLACE TRIGGER campaigns_rulestep_is_written_once
  BEFORE UPDATE OR DELETE OR TRUNCATE ON campaigns_rulestep
  FOR EACH STATEMENT EXECUTE FUNCTION campaigns_refuse_step_rewrite();
