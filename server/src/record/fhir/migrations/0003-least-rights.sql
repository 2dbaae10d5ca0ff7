-- Why: the application deletes current rows (delete, and the index rows of what it replaces), but never a version from the history
-- or an id that a client chose; of the history it changes only the sealed body, when a patient's key is rotated.
-- Whoever gets its rights gets no more.
-- Locks: access exclusive on these tables for some milliseconds; no row is touched. The release before asks for no more.
revoke update, delete on record.history, record.alias from salus_app;
grant update (sealed) on record.history to salus_app;
revoke update on record.code, record.reference, record.date, record.quantity from salus_app;
