-- Why: code systems that are too large for memory (SNOMED CT, LOINC, RxNorm, ICD-10-CM), loaded from the publisher's release
-- (`salus terminology load`), and the closure tables of clients. Code systems are for the whole installation and hold no patient
-- data, so nothing is sealed; closure tables are per tenant and client and hold codes only.
-- Locks: none on existing tables (everything is new). Takes milliseconds.
create schema terminology;

create table terminology.system (
  id             int generated always as identity primary key,
  url            text    not null,
  version        text    not null,
  name           text    not null,
  title          text    not null,
  language       text    not null,
  case_sensitive boolean not null,
  properties     jsonb   not null,  -- [{"code": ..., "type": ...}]
  concepts       int     not null,
  loaded         bigint  not null,  -- ms since 1970
  ready          boolean not null   -- false while it is being loaded: nobody sees it
);
create unique index system_ready on terminology.system (url, version) where ready;

create table terminology.concept (
  system     int      not null references terminology.system on delete cascade,
  id         int      not null,  -- 1, 2, ... in the order of codes
  flags      smallint not null,  -- 1 inactive, 2 abstract
  children   int      not null,  -- how many
  code       text     not null collate "C",
  folded     text     collate "C",  -- the code in lower case, where the system ignores letter case
  display    text,
  definition text,
  names      jsonb    not null,  -- further designations: [[value, language, use system, use code, use display], ...]
  properties jsonb    not null,  -- {"property": ["value", ...]}
  up         jsonb    not null,  -- parents: [[code, display], ...]
  down       jsonb    not null,  -- children, the first 1,000, likewise; read apart from the rest
  parents    int[]    not null,
  ancestors  int[]    not null,  -- the closure, itself left out
  primary key (system, id),
  unique (system, code)
);
create index concept_folded on terminology.concept (system, folded) where folded is not null;
create index concept_ancestors on terminology.concept using gin (ancestors) with (fastupdate = off);
create index concept_parents on terminology.concept using gin (parents) with (fastupdate = off);
create index concept_properties on terminology.concept using gin (properties jsonb_path_ops) with (fastupdate = off);

-- Sets within a release: reference sets of SNOMED CT, answer lists of LOINC.
create table terminology.member (
  system  int  not null references terminology.system on delete cascade,
  name    text not null collate "C",
  concept int  not null,
  primary key (system, name, concept)
);

-- What a release says of each concept, as it comes, until it is put together. Lost in a crash, as the load is.
create unlogged table terminology.staged (
  system int      not null,
  kind   smallint not null,  -- see large/store-release.ts
  code   text     not null collate "C",
  a      text,
  b      text,
  c      jsonb
);
create index staged_code on terminology.staged (system, code);

-- Raised by each change; servers look at it every two seconds.
create table terminology.state (
  only_row boolean primary key default true check (only_row),
  revision bigint  not null
);
insert into terminology.state (revision) values (0);

-- Named closure tables of clients: http://hl7.org/fhir/R4/terminology-service.html#closure
create table terminology.closure (
  tenant  int    not null,
  client  text   not null,  -- whose it is: names of one client are nothing to another
  name    text   not null,
  version int    not null,  -- of the table: raised with each call that adds
  updated bigint not null,
  stamp   uuid   not null,  -- new with each change: a change is decided on one and refused on another
  primary key (tenant, client, name)
);
create table terminology.closure_concept (
  tenant  int  not null,
  client  text not null,
  name    text not null,
  system  text not null,
  code    text not null,
  version int  not null,
  primary key (tenant, client, name, system, code),
  foreign key (tenant, client, name) references terminology.closure on delete cascade
);

-- Plans of prepared statements go by what was measured last; a load of a whole code system must not wait for autovacuum.
create function terminology.refresh_statistics() returns void language plpgsql security definer
  set search_path = pg_catalog as $$
begin
  analyze terminology.concept, terminology.member;
end $$;

grant usage on schema terminology to salus_app;
grant select, insert, update, delete on all tables in schema terminology to salus_app;
revoke all on function terminology.refresh_statistics() from public;
grant execute on function terminology.refresh_statistics() to salus_app;
