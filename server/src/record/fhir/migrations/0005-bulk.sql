-- Why: jobs of $export and $import, with the sealed pages they made or still have to read (docs/adr/0005-bulk-files.md).
-- Locks: none on existing tables (everything is new). Takes milliseconds.
-- What is in the clear: who asked, when, how far it is, numbers of patients; requests and pages are sealed under the tenant's key.
create table record.bulk_job (
  number      bigint   primary key,  -- from record.rid_seq; its public id is the job's address
  created     bigint   not null,     -- ms since 1970, as the other times
  expires     bigint   not null,
  turn        bigint   not null,     -- not before this; who has waited longest goes first
  lease       bigint   not null default 0,  -- counts the takers: whoever holds an older number writes nothing more
  lease_until bigint   not null default 0,
  finished    bigint   not null default 0,
  resources   bigint   not null default 0,
  refused     bigint   not null default 0,
  tenant      int      not null,
  pages       int      not null default 0,
  failures    int      not null default 0,
  kind        smallint not null,     -- 1 export, 2 import
  state       smallint not null,     -- 1 active, 2 finished, 3 failed, 4 ended: to be removed
  client      text     not null,
  code        text     not null default '',  -- fault code of a failed job
  cursor      text     not null,     -- numbers only: where it goes on
  request     bytea    not null
);
alter table record.bulk_job alter request set storage external;  -- ciphertext does not compress
create index bulk_job_active on record.bulk_job (turn) where state = 1;
create index bulk_job_client on record.bulk_job (tenant, client);

-- A page of a job's files, made known in the commit that moves the cursor. Its bytes were written before (record.bulk_chunk).
create table record.bulk_page (
  job       bigint   not null references record.bulk_job on delete cascade,
  lease     bigint   not null,
  seq       int      not null,
  file      int      not null,
  resources int      not null,
  bytes     int      not null,
  kind      smallint not null,       -- 1 output, 2 deleted, 3 error, 4 input of an import
  type      smallint not null,
  patients  bigint[] not null,       -- whose data is in it: named in the audit, looked for when one is erased
  primary key (job, seq)
);
create index bulk_page_patients on record.bulk_page using gin (patients);

create table record.bulk_chunk (
  job    bigint not null references record.bulk_job on delete cascade,
  lease  bigint not null,
  seq    int    not null,
  sealed bytea  not null,
  primary key (job, seq, lease)
);
alter table record.bulk_chunk alter sealed set storage external;

-- Copies of the record that are gone in a day do not belong into backups, which would keep an erased patient's data readable.
comment on table record.bulk_job is 'transient';
comment on table record.bulk_page is 'transient';
comment on table record.bulk_chunk is 'transient';

grant select, insert, update, delete on record.bulk_job, record.bulk_page, record.bulk_chunk to salus_app;
