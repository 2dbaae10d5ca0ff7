-- Why: a tenant may want versions removed for good ($expunge). The application still may not delete from the history: it may ask this
-- function, which looks by itself whether the owner of the database has allowed it for that tenant. Without a row it is not.
-- Locks: none on existing tables (everything is new). Takes milliseconds. The release before does not know of it.
create table record.expunge_policy (
  tenant int    primary key,
  since  bigint not null  -- ms since 1970
);
grant select on record.expunge_policy to salus_app;

-- Earlier versions of one resource below a version; gives how many were removed. The newest, current or tombstone, always stays.
create function record.expunge(of_tenant int, of_type smallint, of_rid bigint, below int) returns bigint
  language plpgsql security definer set search_path = pg_catalog as $$
declare
  removed bigint;
begin
  if not exists (select from record.expunge_policy p where p.tenant = of_tenant) then
    raise exception 'expunging is not allowed' using errcode = '42501';
  end if;
  delete from record.history h
    where h.tenant = of_tenant and h.type = of_type and h.rid = of_rid and h.version < below
      and (exists (select from record.history n where n.tenant = of_tenant and n.type = of_type and n.rid = of_rid and n.version >= below)
        or exists (select from record.resource n where n.tenant = of_tenant and n.type = of_type and n.rid = of_rid and n.version >= below));
  get diagnostics removed = row_count;
  return removed;
end $$;
revoke all on function record.expunge(int, smallint, bigint, int) from public;
grant execute on function record.expunge(int, smallint, bigint, int) to salus_app;
