-- The outbox: what was written or deleted, in the same commit as the data. One row per group commit.
-- Locks: none on existing tables (everything is new). Takes milliseconds.
-- Holds internal numbers only. Delivery reads it in order; see platform/events/README.md.
create schema events;

create table events.outbox (
  node     smallint   not null,  -- the writing process, as in the audit log
  first    bigint     not null,  -- number of the first entry: contiguous per node, from 0
  n        int        not null,
  at       bigint     not null,  -- ms since 1970
  tenants  int[]      not null,
  actions  smallint[] not null,  -- 1 written, 2 deleted
  types    smallint[] not null,
  rids     bigint[]   not null,
  versions int[]      not null,
  patients bigint[]   not null,  -- 0: belongs to no single patient
  primary key (node, first),
  check (n > 0 and first >= 0)
);

-- How far each named reader has come in each node's entries.
create table events.cursor (
  name text     not null,
  node smallint not null,
  next bigint   not null,
  primary key (name, node)
) with (fillfactor = 70);

-- No UPDATE or DELETE on the outbox: an entry once committed is delivered as it was.
grant usage on schema events to salus_app;
grant select, insert on events.outbox to salus_app;
grant select, insert, update, delete on events.cursor to salus_app;
