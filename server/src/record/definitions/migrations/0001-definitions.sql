-- Why: packages of conformance resources that an operator installs (`salus package add`). They are for the whole installation,
-- not per tenant, because a profile's URL means the same to everybody; and they hold no patient data, so nothing is sealed.
-- Locks: none on existing tables (everything is new). Takes milliseconds.
create schema definitions;

create table definitions.package (
  id           int    generated always as identity primary key,
  name         text   not null,
  version      text   not null,
  installed    bigint not null,  -- ms since 1970
  sha256       bytea  not null,  -- of the file, or of all files of a directory in their order
  file_bytes   bigint not null,
  stored_bytes bigint not null,  -- of all members; each server process holds them in memory
  definitions  int    not null,
  dependencies jsonb  not null,  -- name to version, as in package.json
  index        bytea  not null,  -- PackIndex, gzip
  unique (name, version)
);

-- The definitions as JSON, several to a gzip member.
create table definitions.member (
  package int   not null references definitions.package on delete cascade,
  number  int   not null,
  content bytea not null,
  primary key (package, number)
);
-- Compressed already.
alter table definitions.member alter column content set storage external;
alter table definitions.package alter column index set storage external;

-- Raised by each change; servers look at it every two seconds.
create table definitions.state (
  only_row boolean primary key default true check (only_row),
  revision bigint  not null
);
insert into definitions.state (revision) values (0);

grant usage on schema definitions to salus_app;
grant select, insert, delete on definitions.package, definitions.member to salus_app;
grant select, update on definitions.state to salus_app;
