-- Why: search parameters that tenants define themselves, and the work of indexing again what is stored. Neither holds patient data.
-- Locks: none on existing tables (everything is new). Takes milliseconds.

-- One row for each SearchParameter resource that can be searched by, written with the resource itself.
create table record.search_parameter (
  tenant  int      not null,
  rid     bigint   not null,           -- of the SearchParameter resource
  version int      not null,           -- of that resource, as it takes effect
  number  smallint,                    -- names the parameter in index rows; given once, never to another
  shape   bytea,                       -- SHA-256 of what decides the index rows; null: not to be searched by
  state   text     not null check (state in ('new', 'building', 'ready', 'failed', 'retired')),
  changed bigint   not null,           -- ms since 1970
  primary key (tenant, rid),
  unique (tenant, number)
);

-- Indexing again what is stored: a walk by number, then what was written meanwhile. A row's place makes it resumable.
create table record.reindex (
  job     bigint   generated always as identity primary key,
  tenant  int      not null,
  types   smallint[] not null,         -- in ascending order
  numbers smallint[] not null,         -- search parameters that are ready when it ends
  state   text     not null check (state in ('waiting', 'walking', 'following', 'done', 'failed')),
  type    smallint not null default 0, -- the place: all before it is done
  rid     bigint   not null default 0,
  done    bigint   not null default 0, -- resources indexed again
  total   bigint   not null default 0, -- resources stored when it began
  failures smallint not null default 0, -- attempts that ended in an error; the last one ends the job
  upgrade boolean  not null default false, -- asked for by a migration: until it ends, older resources lack index rows
  asked   bigint   not null,           -- ms since 1970
  changed bigint   not null
);
create index reindex_tenant on record.reindex (tenant, job);
create index reindex_open on record.reindex (job) where state in ('waiting', 'walking', 'following');

-- Words of texts and longer beginnings of names are indexed from now on: what is stored gets them in the background.
-- Reads one index: some seconds for ten million resources.
insert into record.reindex (tenant, types, numbers, state, upgrade, asked, changed)
select tenant, array_agg(type order by type), '{}', 'waiting', true, 0, 0
from (select distinct tenant, type from record.resource) stored group by tenant;

grant select, insert, update on record.search_parameter, record.reindex to salus_app;
