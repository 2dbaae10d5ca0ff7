import { auditExport } from './audit-export.ts'
import { auditProve } from './audit-prove.ts'
import { auditVerify } from './audit-verify.ts'
import type { Command } from './command.ts'
import { withSubcommands } from './subcommand.ts'

/** Verify, prove and export the audit log. */
export const audit: Command = withSubcommands(
  {
    name: 'audit',
    summary: 'Verify the audit log, prove one record of it, or export it.',
    options: [
      {
        flag: 'export',
        kind: 'string',
        help: 'verify: an exported audit log (its directory, or a file in it) instead of the database.',
      },
      {
        flag: 'archive',
        kind: 'string',
        help: 'verify: directory with archived months that were removed from the database.',
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
        help: 'export: directory to write to; prove: file to write to instead of the terminal.',
      },
      {
        flag: 'to',
        kind: 'string',
        help: 'export: leave out what was recorded after this day or instant, e.g. 2026-01-31.',
      },
    ],
    notes: [
      "verify exits with 8 and names the first bad place when the log is not what was signed. It works beside running servers, without any, and on an export on another machine. Trust comes from the anchored checkpoints: keep them, and the public key, where the database's administrators cannot write.",
      'export goes on behind the files that are already in the directory.',
    ],
  },
  [auditVerify, auditProve, auditExport],
)
