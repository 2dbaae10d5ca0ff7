import { auditArchive } from './audit-archive.ts'
import { auditExport } from './audit-export.ts'
import { auditProve } from './audit-prove.ts'
import { auditVerify } from './audit-verify.ts'
import type { Command } from './command.ts'
import { withSubcommands } from './subcommand.ts'

/** Verify, prove, export and archive the audit log. */
export const audit: Command = withSubcommands(
  {
    name: 'audit',
    summary: 'Verify the audit log, prove one record of it, export or archive it.',
    options: [
      {
        flag: 'export',
        kind: 'string',
        help: 'verify: an exported audit log (its directory, or a file in it) instead of the database.',
      },
      {
        flag: 'archive',
        kind: 'string',
        help: 'verify: directory with archived months. Default: SALUS_AUDIT_ARCHIVE_DIR, or audit-archive in the data directory, if any month is there.',
      },
      {
        flag: 'anchors',
        kind: 'string',
        help: 'verify: directory with the anchored checkpoints. Default: SALUS_AUDIT_ANCHOR_DIR, or those in the export.',
      },
      {
        flag: 'public-key',
        kind: 'string',
        help: 'verify, prove --check: file with the public key. Default: the one in the data directory.',
      },
      { flag: 'check', kind: 'string', help: 'prove: check the proof in this file; needs the public key only.' },
      {
        flag: 'out',
        kind: 'string',
        help: 'export, archive: directory to write to (archive has a default: SALUS_AUDIT_ARCHIVE_DIR, or audit-archive in the data directory); prove: file to write to instead of the terminal.',
      },
      {
        flag: 'from',
        kind: 'string',
        help: 'export: leave out what was recorded before this day (UTC) or instant, e.g. 2026-01-31 or 2026-01-31T18:00:00Z.',
      },
      {
        flag: 'to',
        kind: 'string',
        help: 'export: leave out what was recorded after this day (UTC) or instant.',
      },
      {
        flag: 'remove',
        kind: 'boolean',
        help: 'archive: then remove archived months from the database, each after its file was verified once more.',
      },
      { flag: 'yes', kind: 'boolean', help: 'archive --remove: do not ask.' },
    ],
    notes: [
      "verify exits with 8 and names the first bad place when the log is not what was signed. It works beside running servers, without any, and on an export on another machine. Trust comes from the anchored checkpoints: keep them, and the public key, where the database's administrators cannot write.",
      'export goes on behind the files that are already in the directory. --from and --to let up to two minutes more through at each end, and what goes back to the checkpoint before: an export must verify by itself.',
      'archive writes each whole past month (UTC) of each log once, and reads it back. It removes nothing without --remove, and never the newest row of a log. Use one directory for all months: verify reads them together with the database. What was removed is no longer found as AuditEvent, not proved by prove, and not in later backups: keep the directory as long as the law asks.',
    ],
  },
  [auditVerify, auditProve, auditExport, auditArchive],
)
