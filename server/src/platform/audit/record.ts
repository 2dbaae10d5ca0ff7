import { crc32 } from 'node:zlib'
import { raise } from '#kernel'

/** What was done. Stored as the position in this list: names are only ever added at its end. */
export const AUDIT_ACTIONS = [
  'read',
  'vread',
  'history',
  'search',
  'create',
  'update',
  'patch',
  'delete',
  'transaction',
  'batch',
  'operation',
  'login',
  'refusal',
  'key',
  'admin',
] as const

/** How it ended. Stored as the position in this list: names are only ever added at its end. */
export const AUDIT_OUTCOMES = ['success', 'refused', 'failed'] as const

/** What was done: one of `AUDIT_ACTIONS`. */
export type AuditAction = (typeof AUDIT_ACTIONS)[number]
/** How it ended: one of `AUDIT_OUTCOMES`. */
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number]

/** One access, change or refusal: a leaf of the audit log. Holds internal numbers only; what identifies anyone is sealed in `detail`. */
export interface AuditRecord {
  /** When it was done, ms since 1970. */
  at: number
  tenant: number
  /** OAuth client id; empty when there was none (a refused call without a token). */
  client: string
  actor: string
  requestId: string
  /** HL7 v3 PurposeOfUse code; empty when none was named. */
  purpose: string
  action: AuditAction
  outcome: AuditOutcome
  /** Type number, rid and version of the resource; 0 where not applicable. */
  type: number
  rid: number
  version: number
  /** Patients (rids) whose data was disclosed or changed. */
  patients: readonly number[]
  /** Resources disclosed; of refused logins of nobody known, how many they were. */
  count: number
  /** Sealed under the tenant's audit key: search text and the like. */
  detail?: Buffer
}

/** Leaves of other formats are refused, not guessed at. */
const FORMAT = 1
/** Longest checksum with its comma and bracket: `,4294967295]`. */
const CHECKSUM_BYTES_MAX = 12

const actionNumbers = new Map(AUDIT_ACTIONS.map((action, number) => [action, number]))
const outcomeNumbers = new Map(AUDIT_OUTCOMES.map((outcome, number) => [outcome, number]))

/**
 * The bytes of a leaf: one compact JSON array. Positions: format, at, tenant, client, actor (0: the client itself), requestId,
 * purpose, action, outcome, type, rid, version, patients, count, detail (base64, 0: none), CRC-32 of all before its comma.
 * The checksum proves nothing against a forger; it tells which leaf of a row a blunt change or a bad disk hit.
 */
export function encodeRecord(record: AuditRecord): Buffer {
  const body = JSON.stringify([
    FORMAT,
    record.at,
    record.tenant,
    record.client,
    record.actor === record.client ? 0 : record.actor,
    record.requestId,
    record.purpose,
    actionNumbers.get(record.action),
    outcomeNumbers.get(record.outcome),
    record.type,
    record.rid,
    record.version,
    record.patients,
    record.count,
    record.detail ? record.detail.toString('base64') : 0,
  ]).slice(0, -1)
  return Buffer.from(`${body},${crc32(body)}]`)
}

/** Whether the leaf's own checksum fits its bytes. */
export function isIntact(leaf: Uint8Array): boolean {
  const bytes = Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength)
  const comma = bytes.lastIndexOf(',')
  if (comma < 0 || bytes.length - comma > CHECKSUM_BYTES_MAX) return false
  return bytes.toString('latin1', comma) === `,${crc32(bytes.subarray(0, comma))}]`
}

/** The reverse of `encodeRecord`. Faults: `audit.record.unreadable` for bytes that are no record of format 1. */
export function decodeRecord(leaf: Uint8Array): AuditRecord {
  const values = parsed(leaf)
  if (values?.[0] !== FORMAT || values.length !== 16 || !isIntact(leaf)) return unreadable()
  const [
    ,
    at,
    tenant,
    client,
    actor,
    requestId,
    purpose,
    action,
    outcome,
    type,
    rid,
    version,
    patients,
    count,
    detail,
  ] = values
  const record: AuditRecord = {
    at: number(at),
    tenant: number(tenant),
    client: text(client),
    actor: actor === 0 ? text(client) : text(actor),
    requestId: text(requestId),
    purpose: text(purpose),
    action: AUDIT_ACTIONS[number(action)] ?? unreadable(),
    outcome: AUDIT_OUTCOMES[number(outcome)] ?? unreadable(),
    type: number(type),
    rid: number(rid),
    version: number(version),
    patients: Array.isArray(patients) ? patients.map(number) : unreadable(),
    count: number(count),
  }
  if (detail !== 0) record.detail = Buffer.from(text(detail), 'base64')
  return record
}

function parsed(leaf: Uint8Array): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).toString())
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : unreadable()
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : unreadable()
}

function unreadable(): never {
  return raise({
    category: 'bug',
    code: 'audit.record.unreadable',
    message: 'An audit record cannot be read: it was altered, or a newer Salus wrote it. Run `salus audit verify`.',
  })
}
