-- What every module builds on: the list of applied migrations and the role the application acts as.
-- Locks: none (everything is new). Takes milliseconds.
create schema salus;

create table salus.migration (
  module text   not null,
  number int    not null,
  name   text   not null,
  hash   text   not null,  -- SHA-256 of the file: an applied migration never changes
  at     bigint not null,  -- ms since 1970
  primary key (module, number)
);

-- Cannot log in and owns nothing: the server connects as the owner and takes this role at once, so that it has only
-- the rights that migrations granted. Roles belong to the whole cluster: another database may have made it already.
do $$
begin
  if not exists (select from pg_roles where rolname = 'salus_app') then
    begin
      create role salus_app nologin;
    exception
      when duplicate_object or unique_violation then null;
      when insufficient_privilege then
        raise exception 'no right to create the role salus_app' using errcode = 'SA101';
    end;
  end if;
  if not pg_has_role(current_user, 'salus_app', 'member') or not (select rolsuper from pg_roles where rolname = current_user) then
    begin
      execute format('grant salus_app to %I', current_user);
    exception
      when insufficient_privilege then
        if not pg_has_role(current_user, 'salus_app', 'member') then
          raise exception 'no right to take the role salus_app' using errcode = 'SA101';
        end if;
    end;
  end if;
end $$;

grant usage on schema salus to salus_app;
grant select on salus.migration to salus_app;
