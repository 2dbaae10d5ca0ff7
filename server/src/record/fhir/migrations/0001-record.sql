-- The record: one table for all resource types, its index rows, history and the ids clients chose themselves.
-- Locks: none on existing tables (everything is new). Takes milliseconds.
-- Bodies are sealed and search values are keyed tokens; what is left in the clear is listed in SECURITY.md, "Leakage".
create schema record;

-- Internal numbers, taken in blocks of 512 so that a process asks once per 512 resources.
create sequence record.rid_seq as bigint increment by 512 minvalue 1 start 1;

create table record.resource (
  rid     bigint   not null,
  patient bigint   not null,  -- rid of the one patient the resource belongs to, 0 for none or several
  updated bigint   not null,  -- ms since 1970
  lo      bigint   not null,  -- promoted date of the type as a closed interval of ms; NO_DATE in both when absent
  hi      bigint   not null,
  code    bigint,             -- keyed token of the first coding of the promoted code
  present bigint   not null,  -- bit i: the type's i-th search parameter has a value
  tenant  int      not null,
  version int      not null,
  type    smallint not null,
  tokens  bigint[] not null,
  sealed  bytea    not null,
  primary key (tenant, type, rid)
);
alter table record.resource alter sealed set storage external;  -- ciphertext does not compress
alter table record.resource set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);

create index resource_patient on record.resource (tenant, patient, type, lo desc, code);
create index resource_code    on record.resource (tenant, code, lo desc) where code is not null;
create index resource_date    on record.resource (tenant, type, lo desc, rid desc);
create index resource_updated on record.resource (tenant, type, updated desc, rid desc);
-- Resources that last longer than a day: a search for what still runs at a date looks here instead of walking all older rows.
create index resource_long    on record.resource (tenant, type, hi) where hi - lo > 86400000;
-- fastupdate: a merge every 100 ms costs a quarter of the CPU and a seventh of the WAL of merging on each insert.
create index resource_tokens  on record.resource using gin (tokens) with (fastupdate = on, gin_pending_list_limit = 4096);

create table record.code (
  rid bigint not null, patient bigint not null, code bigint not null, lo bigint not null,
  tenant int not null, type smallint not null
);
create index code_code    on record.code (tenant, code, lo desc);
create index code_patient on record.code (tenant, patient, code);
create index code_rid     on record.code (tenant, type, rid);

create table record.reference (
  src bigint not null, target bigint not null, tenant int not null, param smallint not null, target_type smallint not null
);
create index reference_target on record.reference (tenant, target, param, src);
create index reference_source on record.reference (tenant, src, param);

create table record.date (
  src bigint not null, lo bigint not null, hi bigint not null, tenant int not null, param smallint not null
);
create index date_value  on record.date (tenant, param, lo, src);
create index date_source on record.date (tenant, src, param);

create table record.quantity (
  src bigint not null, unit bigint not null, value float8 not null, canon float8 not null,
  tenant int not null, param smallint not null
);
create index quantity_value  on record.quantity (tenant, param, unit, canon);
create index quantity_source on record.quantity (tenant, src, param);

-- Earlier versions and tombstones. A row arrives here when an update or delete replaces it, never on create.
create table record.history (
  rid bigint not null, patient bigint not null, updated bigint not null, tenant int not null, version int not null,
  type smallint not null, deleted boolean not null, sealed bytea not null,
  primary key (tenant, type, rid, version)
);
alter table record.history alter sealed set storage external;
create index history_updated on record.history (tenant, type, updated desc, rid desc);
create index history_patient on record.history (tenant, patient, type);

-- Ids that clients chose (PUT Patient/example, or a reference to it before it arrives). token: keyed token of the id.
create table record.alias (
  token bigint not null, rid bigint not null, tenant int not null, type smallint not null,
  primary key (tenant, type, token)
);

-- A unit of work whose guard counts differ lost a race: the whole statement is rolled back and the unit starts again.
create function record.guard(expected bigint, actual bigint) returns void language plpgsql as $$
begin
  if expected <> actual then
    raise exception 'record changed meanwhile' using errcode = 'SA001';
  end if;
end $$;

-- Merging the pending list needs ownership of the index; the application role may only ask for it.
create function record.merge_pending_tokens() returns bigint language sql security definer set search_path = pg_catalog as $$
  select gin_clean_pending_list('record.resource_tokens'::regclass)
$$;

-- A table that was never analysed has every condition estimated alike, and the planner takes any index: a search by
-- patient and code took 24 ms instead of 0.1 after 10,000 creates on a new database. Autovacuum looks once a minute;
-- this is asked each second and analyses whenever the record has doubled.
create table record.statistics (analysed_rid bigint not null);
insert into record.statistics values (0);

create function record.refresh_statistics() returns boolean language plpgsql security definer
  set search_path = pg_catalog set lock_timeout = '200ms' as $$
declare
  analysed bigint;
  stored bigint;
begin
  select analysed_rid into analysed from record.statistics;
  select last_value into stored from record.rid_seq;
  if stored < 1024 or stored < 2 * analysed or not pg_try_advisory_xact_lock(1919247204, 1) then
    return false;
  end if;
  update record.statistics set analysed_rid = stored;
  analyze record.resource, record.code, record.reference, record.date, record.quantity, record.history, record.alias;
  return true;
exception when lock_not_available then
  return false;
end $$;

grant usage on schema record to salus_app;
grant select, insert, update, delete on all tables in schema record to salus_app;
revoke insert, update, delete on record.statistics from salus_app;
grant usage on sequence record.rid_seq to salus_app;
revoke all on function record.merge_pending_tokens(), record.refresh_statistics() from public;
grant execute on function record.merge_pending_tokens(), record.refresh_statistics(), record.guard(bigint, bigint) to salus_app;
