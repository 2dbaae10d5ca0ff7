-- Why: the application needs to delete patients' keys (that is what shreds a patient) and retired branch keys, but never a
-- tenant's keys, and of a key's row it changes only how the key is wrapped. Whoever gets its rights gets no more.
-- Locks: access exclusive on the three tables for some milliseconds; no row is touched. The release before asks for no more.
revoke delete on vault.tenant_key from salus_app;
revoke update on vault.branch_key, vault.tenant_key, vault.patient_key from salus_app;
grant update (wrapped, retired) on vault.branch_key to salus_app;
grant update (epoch, wrapped) on vault.tenant_key, vault.patient_key to salus_app;
