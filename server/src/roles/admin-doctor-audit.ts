import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { databaseSource, loadPublicKey, loadSigningKey, PUBLIC_KEY_FILE } from '#audit'
import type { Database, Finding } from '#db'
import { type Clock, type Config, FaultError } from '#kernel'

/** A server signs every ten seconds; beyond this something keeps it from doing so. */
const LAG_MS_MAX = 60_000
/** Clocks of hosts that keep time differ by less. */
const AHEAD_MS_MAX = 60_000

interface AuditOptions {
  config: Config
  clock: Clock
  database: Database
  anchors: string
  /** A server may be running, which signs. */
  isServed: boolean
}

/** Signing key, anchors, what is not signed yet, and the clock they were written by. */
export async function auditFindings(options: AuditOptions): Promise<Finding[]> {
  const anchor = await newestAnchor(options.anchors)
  return [
    signingKeyFinding(options.config),
    anchorFinding(options, anchor),
    await lagFinding(options, anchor),
    clockFinding(options, anchor),
  ]
}

function signingKeyFinding(config: Config): Finding {
  const check = 'audit signing key'
  try {
    const { publicKey } = loadSigningKey(config.dataPath('keys'), { create: false })
    const ok = publicKey.equals(loadPublicKey(config.dataPath('keys', PUBLIC_KEY_FILE)))
    const advice = ok
      ? 'The key that signs the audit is there; its public part is beside it.'
      : `${PUBLIC_KEY_FILE} does not belong to the signing key. Put the pair back from your copy.`
    return { check, ok, advice }
  } catch (error) {
    if (error instanceof FaultError) return { check, ok: false, advice: error.fault.message }
    throw error
  }
}

interface NewestAnchor {
  at: number
  sizes: Map<number, number>
}

/** What the newest anchored checkpoint says; its signature is for `salus audit verify`. */
async function newestAnchor(directory: string): Promise<NewestAnchor | undefined> {
  const newest = async (path: string): Promise<string | undefined> =>
    (await readdir(path).catch(() => []))
      .filter((name) => /^\d{9}(\d{3}\.checkpoint)?$/.test(name))
      .sort()
      .at(-1)
  const folder = await newest(directory)
  const file = folder && (await newest(join(directory, folder)))
  if (!folder || !file) return undefined
  const text = await readFile(join(directory, folder, file), 'utf8')
  const sizes = [...text.matchAll(/^log (\d+) (\d+) /gm)].map(([, node, size]) => [Number(node), Number(size)] as const)
  return { at: Date.parse(/^time (\S+)$/m.exec(text)?.[1] ?? ''), sizes: new Map(sizes) }
}

function anchorFinding({ anchors, config, clock }: AuditOptions, anchor: NewestAnchor | undefined): Finding {
  const check = 'audit anchors'
  if (!anchor)
    return {
      check,
      ok: false,
      advice: `No checkpoint is anchored in ${anchors}. Start the server; check SALUS_AUDIT_ANCHOR_DIR.`,
    }
  const age = Math.max(0, Math.round((clock.now() - anchor.at) / 1000))
  const elsewhere = config.get('SALUS_AUDIT_ANCHOR_DIR') !== undefined
  const advice = elsewhere ? '' : ' They lie in the data directory: set SALUS_AUDIT_ANCHOR_DIR to other storage.'
  return { check, ok: elsewhere || !config.production, advice: `The newest checkpoint is ${age} s old.${advice}` }
}

async function lagFinding(
  { database, clock, isServed }: AuditOptions,
  anchor: NewestAnchor | undefined,
): Promise<Finding> {
  const check = 'audit lag'
  const source = databaseSource(database)
  let oldest: number | undefined
  for (const node of await source.nodes())
    for await (const row of source.rows(node, anchor?.sizes.get(node) ?? 0)) {
      oldest = Math.min(oldest ?? row.at, row.at)
      break
    }
  const lagMs = oldest === undefined ? 0 : clock.now() - oldest
  if (lagMs <= LAG_MS_MAX)
    return { check, ok: true, advice: 'Every record older than a minute is signed and anchored.' }
  const seconds = Math.round(lagMs / 1000)
  const advice = isServed
    ? `Records of ${seconds} s ago are not signed. See the server's log for "audit checkpoint refused", and run "salus audit verify".`
    : `Records of ${seconds} s ago are not signed; the next start signs them.`
  return { check, ok: !isServed, advice }
}

function clockFinding({ clock }: AuditOptions, anchor: NewestAnchor | undefined): Finding {
  const check = 'clock'
  const aheadMs = anchor ? anchor.at - clock.now() : 0
  if (aheadMs <= AHEAD_MS_MAX) return { check, ok: true, advice: 'Nothing was signed in the future of this clock.' }
  const seconds = Math.round(aheadMs / 1000)
  return {
    check,
    ok: false,
    advice: `The newest checkpoint is ${seconds} s ahead of this clock. Set the time of this host; use NTP.`,
  }
}
