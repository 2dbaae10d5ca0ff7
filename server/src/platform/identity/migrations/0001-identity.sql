-- Why: tenants, OAuth clients, the keys that sign access tokens, and the assertion ids already used.
-- Locks: none on existing tables. Takes milliseconds on an empty database.
create schema identity;

create table identity.tenant (
  tenant int primary key check (tenant > 0),
  name text not null unique,
  created bigint not null
);
-- The default tenant out of the box; the next ones are numbered from 2.
insert into identity.tenant (tenant, name, created)
values (1, 'default', (extract(epoch from clock_timestamp()) * 1000)::bigint);

create table identity.client (
  id text primary key,
  tenant int not null references identity.tenant,
  auth_method text not null check (auth_method in ('client_secret', 'private_key_jwt')),
  secret_hash text,
  jwks jsonb,
  jwks_uri text,
  scope text not null,
  disabled boolean not null default false,
  created bigint not null,
  -- Raised by every change; an access token names the version it was issued under and dies with it.
  version int not null default 1,
  check ((auth_method = 'client_secret') = (secret_hash is not null)),
  check ((auth_method = 'private_key_jwt') = (num_nonnulls(jwks, jwks_uri) = 1))
);

create table identity.signing_key (
  kid text primary key,
  created bigint not null,
  -- When a newer key took over; it verifies until the last token it signed has expired.
  retired bigint,
  sealed text not null
);
-- One key signs at a time, also when several processes start together.
create unique index signing_key_active on identity.signing_key ((true)) where retired is null;

-- SHA-256 of issuer and jti of each private_key_jwt assertion that was used, until it expires (minutes).
create table identity.jti (
  hash bytea primary key,
  expires bigint not null
);
create index jti_expires on identity.jti (expires);

grant usage on schema identity to salus_app;
grant select, insert on identity.tenant to salus_app;
grant select, insert, update on identity.client, identity.signing_key to salus_app;
grant select, insert, delete on identity.jti to salus_app;
