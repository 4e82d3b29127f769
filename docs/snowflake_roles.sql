-- Roles for exactly_once on Snowflake: who may run, who may approve, who may read. Nothing more than each needs.
-- Run it once, as ACCOUNTADMIN: it makes roles, schemas and future grants. Change the names; everything can be run again.
-- Not yet run on an account.

set job_role = 'EXACTLY_ONCE_JOB';            -- the scheduler's service user, runs dbt
set approver_role = 'EXACTLY_ONCE_APPROVER';  -- people who approve a repair or judge a group
set reader_role = 'EXACTLY_ONCE_READER';      -- dashboards, fraud scoring, analysts
set auditor_role = 'EXACTLY_ONCE_AUDITOR';    -- reads the evidence, and nothing that holds a payload
set raw_repair_role = 'EXACTLY_ONCE_RAW_REPAIR'; -- an operator takes it for raw_quarantine and raw_restore alone

create role if not exists identifier($job_role);
create role if not exists identifier($approver_role);
create role if not exists identifier($reader_role);
create role if not exists identifier($auditor_role);
create role if not exists identifier($raw_repair_role);

-- The job. It reads raw, and owns what it makes. CREATE SCHEMA on the database is needed for each repair too: the
-- candidate is a schema, and a swap takes OWNERSHIP of both. It has no right to change raw.
grant usage on warehouse TRANSFORMING to role identifier($job_role);
-- For detection and repair, with the var exactly_once__warehouses: {detection: INCIDENT_L, remediation: INCIDENT_L}.
create warehouse if not exists INCIDENT_L
    warehouse_size = large
    auto_suspend = 60
    initially_suspended = true
    statement_timeout_in_seconds = 7200;
grant usage on warehouse INCIDENT_L to role identifier($job_role);
grant usage on database ANALYTICS to role identifier($job_role);
grant create schema on database ANALYTICS to role identifier($job_role);
grant usage on database RAW_DATABASE to role identifier($job_role);
grant usage on schema RAW_DATABASE.RAW to role identifier($job_role);
grant select on table RAW_DATABASE.RAW.EVENTS to role identifier($job_role);

-- The schemas are made beforehand, so that the grants below can be given before the first run.
create schema if not exists ANALYTICS.EXACTLY_ONCE_STAGING;
create schema if not exists ANALYTICS.EXACTLY_ONCE_INCIDENT;
create schema if not exists ANALYTICS.EXACTLY_ONCE_ANALYTICS;
create schema if not exists ANALYTICS.EXACTLY_ONCE_AUDIT;
create schema if not exists ANALYTICS.EXACTLY_ONCE_MONITORING;
create schema if not exists ANALYTICS.EXACTLY_ONCE_SEEDS;

-- Readers. remediation_clone copies the grant on the curated schema to the candidate, and remediation_validate
-- compares them. On its tables let dbt grant, in dbt_project.yml: +grants: {select: [EXACTLY_ONCE_READER]}. A clone keeps
-- those, while future grants on this schema would be left to you at each repair: they ask for MANAGE GRANTS on the account.
grant usage on warehouse TRANSFORMING to role identifier($reader_role); -- or theirs, where they don't wait for the job
grant usage on database ANALYTICS to role identifier($reader_role);
grant usage on schema ANALYTICS.EXACTLY_ONCE_ANALYTICS to role identifier($reader_role);
grant usage on schema ANALYTICS.EXACTLY_ONCE_MONITORING to role identifier($reader_role);
grant select on future tables in schema ANALYTICS.EXACTLY_ONCE_MONITORING to role identifier($reader_role);

-- Approvers see what is to be decided. What they decide goes through code review into the seeds, not through a
-- grant: nobody writes to them by hand, so no role here may.
grant usage on warehouse TRANSFORMING to role identifier($approver_role);
grant usage on database ANALYTICS to role identifier($approver_role);
grant usage on schema ANALYTICS.EXACTLY_ONCE_INCIDENT to role identifier($approver_role);
grant select on future tables in schema ANALYTICS.EXACTLY_ONCE_INCIDENT to role identifier($approver_role);
grant usage on schema ANALYTICS.EXACTLY_ONCE_SEEDS to role identifier($approver_role);
grant select on future tables in schema ANALYTICS.EXACTLY_ONCE_SEEDS to role identifier($approver_role);

-- Auditors. Which tables of the audit schema they read, dbt grants too: not quarantined_events, which holds payloads.
-- In dbt_project.yml: +grants: {select: [EXACTLY_ONCE_AUDITOR]} on the model remediation_ledger and on the snapshots.
grant usage on warehouse TRANSFORMING to role identifier($auditor_role);
grant usage on database ANALYTICS to role identifier($auditor_role);
grant usage on schema ANALYTICS.EXACTLY_ONCE_AUDIT to role identifier($auditor_role);
grant usage on schema ANALYTICS.EXACTLY_ONCE_SEEDS to role identifier($auditor_role);
grant select on future tables in schema ANALYTICS.EXACTLY_ONCE_SEEDS to role identifier($auditor_role);

-- Last, the job takes the schemas over, and the grants stay.
grant ownership on schema ANALYTICS.EXACTLY_ONCE_STAGING to role identifier($job_role) copy current grants;
grant ownership on schema ANALYTICS.EXACTLY_ONCE_INCIDENT to role identifier($job_role) copy current grants;
grant ownership on schema ANALYTICS.EXACTLY_ONCE_ANALYTICS to role identifier($job_role) copy current grants;
grant ownership on schema ANALYTICS.EXACTLY_ONCE_AUDIT to role identifier($job_role) copy current grants;
grant ownership on schema ANALYTICS.EXACTLY_ONCE_MONITORING to role identifier($job_role) copy current grants;
grant ownership on schema ANALYTICS.EXACTLY_ONCE_SEEDS to role identifier($job_role) copy current grants;

-- The raw repair may do what the job may, and take rows out of raw and put them back. Nothing that is scheduled has it:
-- grant it to the operator, who names it in a target of his own, for the time of the repair.
grant role identifier($job_role) to role identifier($raw_repair_role);
grant insert, delete on table RAW_DATABASE.RAW.EVENTS to role identifier($raw_repair_role);
