import { examineDatabase, type Finding } from '#db'
import { type Clock, type Config, FaultError, type Log, systemClock } from '#kernel'
import { openVault, rootKeyOf } from '#vault'
import { anchorDirectory, openForCommand } from './admin.ts'
import { allMigrations, openAdminDatabase } from './admin-database.ts'
import { auditFindings } from './admin-doctor-audit.ts'
import {
  certificateFindings,
  diskFindings,
  portFinding,
  rootKeyPlaceFindings,
  secretFindings,
} from './admin-doctor-host.ts'

export type { Finding } from '#db'

/** Connections of one process beside its pool: ledger, checkpoints, transactions. */
const CONNECTIONS_BESIDE_POOL = 4

/**
 * Look at everything an installation stands on and say what is wrong and what to do about it. Changes nothing, but an embedded
 * database that is down is started for the time. Findings are handed over one by one; faults become findings.
 */
export async function examine(
  options: { config: Config; log: Log; clock?: Clock },
  onFinding: (finding: Finding) => void,
): Promise<void> {
  const { config, log, clock = systemClock } = options
  const tell = (findings: Finding[]): void => {
    for (const finding of findings) onFinding(finding)
  }
  tell([{ check: 'configuration', ok: true, advice: 'Every setting is known and valid.' }])
  tell(secretFindings(config))
  tell(rootKeyPlaceFindings(config))
  tell(certificateFindings(config, clock))
  tell(await diskFindings(config, anchorDirectory(config)))
  tell([await portFinding(config)])
  tell(await insideDatabase({ config, log, clock }))
}

async function insideDatabase(options: { config: Config; log: Log; clock: Clock }): Promise<Finding[]> {
  const { config, log } = options
  const findings: Finding[] = []
  try {
    const place = await openAdminDatabase({ config, log })
    try {
      const perProcess = config.integer('SALUS_DB_CONNECTIONS') * 2 + CONNECTIONS_BESIDE_POOL
      const connections = perProcess * config.integer('SALUS_WORKERS')
      findings.push(...(await examineDatabase({ url: place.url, migrations: allMigrations(), connections })))
      if (findings.every(({ ok, check }) => ok || !NEEDED.has(check)))
        findings.push(...(await keysAndAudit({ ...options, url: place.url, isServed: place.isShared })))
    } finally {
      await place.close()
    }
  } catch (error) {
    findings.push({ check: 'database', ok: false, advice: adviceOf(error) })
  }
  return findings
}

/** Without these of `examineDatabase` nothing behind them can be looked at. */
const NEEDED = new Set(['database reachable', 'schema up to date', 'application role'])

async function keysAndAudit(options: {
  config: Config
  log: Log
  clock: Clock
  url: string
  isServed: boolean
}): Promise<Finding[]> {
  const { config, log, clock } = options
  const keystoreUrl = config.get('SALUS_KEYSTORE_DATABASE_URL')
  const database = await openForCommand(options.url, log)
  try {
    const keystore = keystoreUrl === undefined ? database : await openForCommand(keystoreUrl, log)
    try {
      const keys = await asFinding('keys', async () => {
        // Looking must not make a root key where one is missing.
        await rootKeyOf(config, clock).prepare({ mayCreate: false })
        const vault = await openVault({ database: keystore, config, clock, log })
        await vault.close()
        return 'The root key opens the keys of every tenant; sealing works.'
      })
      return [keys, ...(await auditFindings({ ...options, database, anchors: anchorDirectory(config) }))]
    } finally {
      if (keystore !== database) await keystore.close()
    }
  } finally {
    await database.close()
  }
}

/** What `look` says when all is well, or the advice of its fault. */
export async function asFinding(check: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { check, ok: true, advice: await look() }
  } catch (error) {
    return { check, ok: false, advice: adviceOf(error) }
  }
}

/** A fault says what to do; anything else is a bug and passes. */
export function adviceOf(error: unknown): string {
  if (error instanceof FaultError) return error.fault.message
  throw error
}
