-- The key store: wrapped keys only. It may live in a database of its own (SALUS_KEYSTORE_DATABASE_URL), so nothing here
-- refers to another schema.
-- Locks: none on existing tables (everything is new). Takes milliseconds.
create schema vault;

-- Wrapped under the root key. A tenant's newest epoch wraps what is new; older ones go when nothing refers to them.
create table vault.branch_key (
  created bigint not null,  -- ms since 1970
  retired bigint,           -- when the last key under it was wrapped anew; null while in use
  tenant  int    not null,
  epoch   int    not null,
  wrapped bytea  not null,
  primary key (tenant, epoch)
);

-- Index, id, data, audit, text and shred-list keys of a tenant: random, never derived from one another.
create table vault.tenant_key (
  created bigint   not null,
  tenant  int      not null,
  epoch   int      not null,
  version int      not null,
  purpose smallint not null,  -- KEY_PURPOSE in tenant-keys.ts
  wrapped bytea    not null,
  primary key (tenant, purpose, version),
  foreign key (tenant, epoch) references vault.branch_key
);

-- One row per patient, two while the patient's key is being rotated. Deleting them is what shreds a patient.
create table vault.patient_key (
  patient     bigint not null,
  lineage     bigint not null,  -- random, kept through rotations: tells this patient from a later one with the same number
  created     bigint not null,
  tenant      int    not null,
  epoch       int    not null,
  key_version int    not null,
  wrapped     bytea  not null,
  primary key (tenant, patient, key_version),
  foreign key (tenant, epoch) references vault.branch_key
);

-- Tombstones: whose keys were destroyed. Never removed.
create table vault.shredded (
  patient bigint not null,
  lineage bigint not null,
  at      bigint not null,
  tenant  int    not null,
  primary key (tenant, patient)
);

grant usage on schema vault to salus_app;
grant select, insert, update, delete on vault.branch_key, vault.tenant_key, vault.patient_key to salus_app;
grant select, insert on vault.shredded to salus_app;
