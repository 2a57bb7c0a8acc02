-- The life of a campaign is only ever added to. Superusers in replication mode (restores) pass.
CREATE OR REPLACE FUNCTION campaigns_refuse_campaign_step_rewrite() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  RAISE EXCEPTION 'the life of a campaign is only ever added to' USING ERRCODE = 'PL090';
END $$;

CREATE OR REPLACE TRIGGER campaigns_campaignstep_is_written_once
  BEFORE UPDATE OR DELETE OR TRUNCATE ON campaigns_campaignstep
  FOR EACH STATEMENT EXECUTE FUNCTION campaigns_refuse_campaign_step_rewrite();
