import { existsSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  betweenSource,
  databaseSource,
  EXPORTED_CHECKPOINTS,
  exportLogs,
  type InclusionBundle,
  joinedSource,
  listSegments,
  loadPublicKey,
  type ProvenRecord,
  PUBLIC_KEY_FILE,
  parseAuditEventId,
  proveRecord,
  segmentSource,
  type VerifyReport,
  verifyAudit,
  verifyProof,
} from '#audit'
import { type Config, FaultError, type Log, type Result, raise } from '#kernel'
import { type Admin, type AdminOptions, anchorDirectory, DEFAULT_TENANT, openAdmin, openForCommand } from './admin.ts'
import { archiveDirectory } from './admin-audit-archive.ts'
import { openAdminDatabase } from './admin-database.ts'

export { describeFinding } from '#audit'

/** What to verify, and against what. */
export interface VerifyChoice {
  /** An export to verify without a database: its directory, or a file in it. */
  exported?: string
  /** Directory with archived months. Default: the one of this installation, if any month lies there. */
  archive?: string
  /** Default: the anchor directory of this installation, or the checkpoints inside the export. */
  anchors?: string
  /** Default: the public key in the data directory. */
  publicKey?: string
  onProgress(progress: { leaves: number; checkpoints: number }): void
}

/** What verification found, and what it was held against. */
export interface Verification extends VerifyReport {
  anchors: string
  /** The archive that was verified with the database. */
  archive?: string
  /** The database by itself is intact: what is bad is in the archive, or missing there. */
  isInArchive?: boolean
}

/**
 * Verify the live database, and the archived months together with it; or an export with nothing but the public key. The database
 * is first verified alone: joined with the archive, a month that lies in both is read from the archive only.
 * Faults: `audit.key.*`, `audit.nothing-there`, `db.*`.
 */
export async function verifyLogs(
  { config, log }: { config: Config; log: Log },
  choice: VerifyChoice,
): Promise<Verification> {
  const publicKey = loadPublicKey(choice.publicKey ?? config.dataPath('keys', PUBLIC_KEY_FILE))
  const { onProgress, exported } = choice
  if (exported !== undefined) {
    const directory = exportDirectory(exported)
    const anchors = choice.anchors ?? join(directory, EXPORTED_CHECKPOINTS)
    const source = segmentSource(directory)
    if ((await source.nodes()).length === 0) nothingThere(directory, 'exported audit log', 'audit export')
    return { ...(await verifyAudit({ source, anchorDirectory: anchors, publicKey, onProgress })), anchors }
  }
  const anchors = choice.anchors ?? anchorDirectory(config)
  const place = await openAdminDatabase({ config, log })
  try {
    const database = await openForCommand(place.url, log)
    try {
      const archive = await archiveOf(config, choice)
      const options = { anchorDirectory: anchors, publicKey, onProgress }
      const live = databaseSource(database)
      const alone = await verifyAudit({ ...options, source: live })
      if (!alone.ok || archive === undefined) return { ...alone, anchors }
      const joined = await verifyAudit({ ...options, source: joinedSource(segmentSource(archive), live) })
      return { ...joined, anchors, archive, ...(joined.ok ? {} : { isInArchive: true }) }
    } finally {
      await database.close()
    }
  } finally {
    await place.close()
  }
}

function exportDirectory(path: string): string {
  if (existsSync(path)) return statSync(path).isDirectory() ? path : dirname(path)
  return nothingThere(path, 'exported audit log', 'audit export')
}

async function archiveOf(config: Config, { archive }: VerifyChoice): Promise<string | undefined> {
  const directory = archive ?? archiveDirectory(config)
  if ((await listSegments(directory)).length > 0) return directory
  return archive === undefined ? undefined : nothingThere(archive, 'archived month', 'audit archive')
}

/** An empty or mistyped directory must not pass as an intact log. */
function nothingThere(path: string, what: string, command: string): never {
  return raise({
    category: 'not-found',
    code: 'audit.nothing-there',
    message: `There is no ${what} in ${path}. Name the directory that "salus ${command} --out" wrote.`,
  })
}

/** Tries, a second apart, until the checkpoint of a running server covers a record: it signs every ten seconds. */
const COVERED_TRIES_MAX = 15

/**
 * Proof that the record behind an AuditEvent is in the signed log. Recorded, since it discloses that record.
 * Faults: `audit.proof.id-malformed`, `audit.proof.not-covered`, `audit.log.inconsistent`.
 */
export async function proveEvent(admin: Admin, id: string): Promise<InclusionBundle> {
  const place = parseAuditEventId(id.replace(/^AuditEvent\//, ''))
  if (!place)
    return raise({
      category: 'invalid',
      code: 'audit.proof.id-malformed',
      message: 'Give the id of an AuditEvent as the server shows it, e.g. log-0-1234.',
    })
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text: `audit prove ${id}` }, async () => {
    await admin.checkpointer.checkpoint()
    for (let attempt = 1; ; attempt++) {
      try {
        return await proveRecord(admin.database, place)
      } catch (error) {
        const isEarly = error instanceof FaultError && error.fault.code === 'audit.proof.not-covered'
        if (!isEarly || !admin.isShared || attempt === COVERED_TRIES_MAX) throw error
        await sleep(1_000)
      }
    }
  })
}

/** Larger files are no proofs of ours. */
const PROOF_BYTES_MAX = 1024 * 1024

/** Check a proof with the public key alone. Faults: `audit.proof.unreadable`, `audit.key.*`. */
export async function checkProof(config: Config, file: string, publicKeyFile?: string): Promise<Result<ProvenRecord>> {
  const publicKey = loadPublicKey(publicKeyFile ?? config.dataPath('keys', PUBLIC_KEY_FILE))
  let bundle: unknown
  try {
    if (statSync(file).size > PROOF_BYTES_MAX) throw new RangeError('too large')
    bundle = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    raise(
      {
        category: 'invalid',
        code: 'audit.proof.unreadable',
        message: `${file} is not a proof: it cannot be read, or it is not JSON.`,
      },
      error,
    )
  }
  return verifyProof(bundle, publicKey)
}

/** What an export wrote. */
export interface ExportReport {
  files: number
  leaves: number
  /** False when the log is damaged so that the export itself could not be recorded in it. */
  recorded: boolean
}

/** Write the logs, from one time to another, as files that `verifyLogs` takes. Recorded, unless the damaged log no longer allows it. */
export async function exportAudit(
  options: AdminOptions,
  choice: { directory: string; from?: number; to?: number; onProgress(leaves: number): void },
): Promise<ExportReport> {
  const recorded = await recordExport(options)
  const place = await openAdminDatabase(options)
  try {
    const database = await openForCommand(place.url, options.log)
    try {
      const source = await betweenSource(database, choice)
      const { directory } = choice
      const files = await exportLogs({ source, directory, onProgress: ({ leaves }) => choice.onProgress(leaves) })
      return { files: files.length, leaves: files.reduce((sum, file) => sum + file.next - file.first, 0), recorded }
    } finally {
      await database.close()
    }
  } finally {
    await place.close()
  }
}

/** What has happened to a damaged log is found out with an export: it must not be refused because of the damage. */
async function recordExport(options: AdminOptions): Promise<boolean> {
  try {
    const admin = await openAdmin(options)
    try {
      await admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text: 'audit export' }, async () => undefined)
      return true
    } finally {
      await admin.close()
    }
  } catch (error) {
    if (error instanceof FaultError && error.fault.code === 'audit.log.inconsistent') return false
    throw error
  }
}
