-- Why: what a tenant wants done with resources that claim profiles (`salus validation`): stored as they are, tagged, or refused.
-- A tenant without a row wants nothing checked, as before. It holds no patient data.
-- Locks: none on existing tables (everything is new). Takes milliseconds.
create table record.validation_policy (
  tenant int    primary key,
  policy text   not null check (policy in ('tag', 'reject')),
  since  bigint not null  -- ms since 1970
);
grant select, insert, update, delete on record.validation_policy to salus_app;
