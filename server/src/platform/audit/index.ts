export { acceptRestore } from './accept-restore.ts'
export { type ArchiveReport, runArchive, startArchive } from './archivist.ts'
export { auditEventId, type PublicReferences, parseAuditEventId, toAuditEvent } from './audit-event.ts'
export { betweenSource } from './between.ts'
export { type Checkpointer, startCheckpoints } from './checkpoint.ts'
export type { CheckpointBody } from './checkpoint-body.ts'
export { type Damage, describeFinding, type Finding } from './diagnose.ts'
export { EXPORTED_CHECKPOINTS, exportLogs } from './export.ts'
export { catchUp, type Indexer, startIndexer } from './indexer.ts'
export { type Composer, type Ledger, openLedger, RACE_LOST, type Unit } from './ledger.ts'
export { databaseSource, joinedSource, type LogSource } from './log-source.ts'
export { type FoundRecord, findRecord, findRecords, type RecordCursor, type RecordQuery } from './lookup.ts'
export type { CheckpointOptions } from './notary.ts'
export {
  type ConsistencyBundle,
  type InclusionBundle,
  type ProvenRecord,
  proveConsistency,
  proveRecord,
  verifyConsistencyProof,
  verifyProof,
} from './prove.ts'
export { AUDIT_ACTIONS, AUDIT_OUTCOMES, type AuditAction, type AuditOutcome, type AuditRecord } from './record.ts'
export { listSegments, segmentSource } from './segment.ts'
export { loadPublicKey, loadSigningKey, PUBLIC_KEY_FILE, SIGNING_KEY_FILE, type SigningKey } from './signing-key.ts'
export type { StoredCheckpoint } from './store.ts'
export { type VerifyOptions, type VerifyReport, verifyAudit } from './verify.ts'
