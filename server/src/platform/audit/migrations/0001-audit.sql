-- The audit logs, their signed checkpoints, and derived look-up tables.
-- Locks: none on existing tables (everything is new). Takes milliseconds.
-- Log, checkpoint and segment only grow: the application may insert and read; triggers stop everyone else from changing
-- rows by mistake. A superuser can still remove triggers, which is why checkpoints are anchored outside the database.
create schema audit;

-- One RFC 6962 log per node (writing process), one row per group commit.
create table audit.log (
  first  bigint   not null,  -- index of the first leaf of the row in its node's log
  at     bigint   not null,  -- when it was committed, ms since 1970; the records carry their own times
  n      int      not null,
  node   smallint not null,
  root   bytea    not null,  -- root of the node's tree up to and including this row
  leaves bytea[]  not null,  -- encoded records, see audit/record.ts
  primary key (node, first),
  check (n > 0 and first >= 0 and cardinality(leaves) = n and octet_length(root) = 32)
) with (autovacuum_vacuum_insert_scale_factor = 0.05);

create table audit.checkpoint (
  id        bigint primary key,  -- 1, 2, 3 ... without gaps
  at        bigint not null,
  body      text   not null,     -- the signed text, see audit/checkpoint-body.ts
  signature bytea  not null      -- Ed25519 over the body's UTF-8 bytes
);

create index checkpoint_at on audit.checkpoint (at);

-- Segment files written by the archive, and checked.
create table audit.segment (
  node     smallint not null,
  first    bigint   not null,
  next     bigint   not null,
  root     bytea    not null,  -- root of the node's tree of size "next", as signed in the checkpoint
  checkpoint bigint not null,
  file     text     not null,
  digest   bytea    not null,  -- SHA-256 of the file
  at       bigint   not null,
  primary key (node, first)
);

-- Derived: edges of the trees at some checkpoints, so that a restart and a proof need not read the whole log.
-- Worth nothing by itself: what is loaded from here must give the root that the checkpoint signed.
create table audit.frontier (
  node       smallint not null,
  size       bigint   not null,
  checkpoint bigint   not null,
  frontier   bytea    not null,
  primary key (node, size)
);

-- Derived: rows of the log by patient (0: all of the tenant) and by actor, newest first.
create table audit.patient_index (
  patient bigint   not null,
  at      bigint   not null,  -- newest of the row's records that concern this patient
  first   bigint   not null,
  tenant  int      not null,
  node    smallint not null,
  primary key (tenant, patient, at, node, first)
);
create table audit.actor_index (
  at      bigint   not null,
  first   bigint   not null,
  tenant  int      not null,
  node    smallint not null,
  actor   text     not null,
  primary key (tenant, actor, at, node, first)
);
create table audit.index_cursor (
  node smallint primary key,
  next bigint   not null      -- leaves before it are indexed
) with (fillfactor = 50);

create function audit.refuse_change() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
  if tg_op = 'DELETE' and tg_table_name = 'log' and current_setting('audit.removing', true) = 'archived' then
    return null;
  end if;
  raise exception 'audit.% only grows', tg_table_name using errcode = 'SA002';
end $$;

create trigger only_grows before update or delete or truncate on audit.log
  for each statement execute function audit.refuse_change();
create trigger only_grows before update or delete or truncate on audit.checkpoint
  for each statement execute function audit.refuse_change();
create trigger only_grows before update or delete or truncate on audit.segment
  for each statement execute function audit.refuse_change();
-- Also while session_replication_role is "replica".
alter table audit.log enable always trigger only_grows;
alter table audit.checkpoint enable always trigger only_grows;
alter table audit.segment enable always trigger only_grows;

-- Removes the rows of one archived segment: the oldest of its node, registered, signed by a checkpoint, and not the newest row.
-- Owner only. The caller has verified the file (audit/archive.ts); this repeats what the database itself can tell.
create function audit.remove_archived(p_node smallint, p_first bigint) returns bigint language plpgsql
  set search_path = pg_catalog as $$
declare
  kept    audit.segment;
  removed bigint;
begin
  select * into kept from audit.segment where node = p_node and first = p_first;
  if not found then
    raise exception 'no archived segment begins there' using errcode = 'SA003';
  end if;
  if exists (select from audit.log where node = p_node and first < p_first) then
    raise exception 'older rows must be archived and removed first' using errcode = 'SA003';
  end if;
  if not exists (select from audit.log where node = p_node and first + n = kept.next and root = kept.root) then
    raise exception 'the log does not end this segment with the archived root' using errcode = 'SA003';
  end if;
  if not exists (select from audit.log where node = p_node and first >= kept.next) then
    raise exception 'the newest row of a log is never removed' using errcode = 'SA003';
  end if;
  perform set_config('audit.removing', 'archived', true);
  delete from audit.log where node = p_node and first < kept.next;
  get diagnostics removed = row_count;
  perform set_config('audit.removing', '', true);
  return removed;
end $$;
revoke all on function audit.remove_archived(smallint, bigint) from public;

grant usage on schema audit to salus_app;
grant select, insert on audit.log, audit.checkpoint, audit.segment to salus_app;
grant select, insert, delete on audit.frontier, audit.patient_index, audit.actor_index to salus_app;
grant select, insert, update, delete on audit.index_cursor to salus_app;
