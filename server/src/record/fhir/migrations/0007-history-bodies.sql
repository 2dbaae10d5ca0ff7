-- Why: the application may change the sealed body of an earlier version, for the rotation of a patient's key. Whoever had its rights
-- could empty them, and with them versions that only an expunge its owner allowed may take. Now a body may be emptied only where that is
-- allowed, and only that of a tombstone, as an expunge does.
-- Locks: access exclusive on the history for some milliseconds; no row is touched. The release before does not empty bodies otherwise.
create function record.keep_history_bodies() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
begin
  if not (old.deleted and exists (select from record.expunge_policy p where p.tenant = old.tenant)) then
    raise exception 'the body of an earlier version is not emptied' using errcode = '42501';
  end if;
  return new;
end $$;
revoke all on function record.keep_history_bodies() from public;

create trigger history_bodies before update on record.history
  for each row when (length(new.sealed) = 0 and length(old.sealed) > 0) execute function record.keep_history_bodies();
