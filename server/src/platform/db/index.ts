export {
  boolArray,
  byteaArray,
  float8Array,
  int2Array,
  int4Array,
  int8Array,
  int8ArrayOf,
  textArray,
} from './arrays.ts'
export { type BackupOptions, backup, type Progress, type Summary } from './backup.ts'
export { collectMigrations, type Migration, migrationDirs } from './collect-migrations.ts'
export { APP_ROLE, type Connection, type ConnectionOptions, openConnection } from './connection.ts'
export { type Database, type DatabaseOptions, openDatabase } from './database.ts'
export {
  type EmbeddedOptions,
  type EmbeddedPostgres,
  runningEmbeddedPostgres,
  startEmbeddedPostgres,
} from './embedded/start.ts'
export { type ExamineOptions, examineDatabase, type Finding } from './examine.ts'
export { isConnectionLost, sqlState } from './faults.ts'
export { fetchApart } from './fetch-apart.ts'
export { migrate, pendingMigrations } from './migrate.ts'
export { type Part, placeholders } from './part.ts'
export { type RestoreOptions, type RestoreSummary, restore, verifyBackup } from './restore.ts'
export type { Row, Statement } from './wire-query.ts'
