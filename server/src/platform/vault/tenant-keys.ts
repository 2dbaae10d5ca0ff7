import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { KEY_CLASS, newKeyBytes, TenantKey } from './keys.ts'
import { createPublicIds, type PublicIds } from './public-id.ts'
import type { TenantKeyRow } from './store.ts'
import { createTokenizer, type Tokenizer } from './tokenizer.ts'
import { unwrapKey, wrapKey } from './wrapping.ts'

/** What each of a tenant's own keys is for; the numbers are stored. */
export const KEY_PURPOSE = { index: 1, id: 2, data: 3, audit: 4, text: 5, shredList: 6 } as const
type KeyPurpose = keyof typeof KEY_PURPOSE

/** All purposes are made together; a later Salus adds its new ones at start. */
const VERSION = 1
/** Purposes of sealed texts are named by code; the limit guards against a caller that names them by data. */
const TEXT_PURPOSES_MAX = 64

/** The keys of one tenant, unwrapped, and what is built on them. */
export interface TenantKeys {
  tenant: number
  data: TenantKey
  audit: TenantKey
  text(purpose: string): TenantKey
  tokenizer: Tokenizer
  ids: PublicIds
  /** HMAC-SHA-256 that marks a line of the shred list as ours. */
  shredListMac(line: string): string
}

/** Purposes that have no key among `rows` yet, each with a new random key wrapped under the branch key. */
export function missingTenantKeys(
  rows: readonly TenantKeyRow[],
  branch: { tenant: number; epoch: number; secret: KeyObject },
): TenantKeyRow[] {
  return Object.values(KEY_PURPOSE)
    .filter((purpose) => !rows.some((row) => row.purpose === purpose))
    .map((purpose) => {
      const row = { tenant: branch.tenant, purpose, version: VERSION, epoch: branch.epoch }
      const key = newKeyBytes()
      const wrapped = wrapKey(branch.secret, key, tenantKeyPlace(row))
      key.fill(0)
      return { ...row, wrapped }
    })
}

/** Build a tenant's keys from its rows, which must hold every purpose. */
export function openTenantKeys(
  tenant: number,
  rows: readonly TenantKeyRow[],
  options: { branchKey(epoch: number): KeyObject; hmac: 'javascript' | 'native' },
): TenantKeys {
  const secrets = new Map(
    rows.map((row) => [row.purpose, unwrapKey(options.branchKey(row.epoch), row.wrapped, tenantKeyPlace(row))]),
  )
  const secret = (purpose: KeyPurpose): Buffer => secrets.get(KEY_PURPOSE[purpose]) as Buffer
  const common = { tenant, version: VERSION }
  const textSecret = Buffer.from(secret('text'))
  const texts = new Map<string, TenantKey>()
  const shredKey = createSecretKey(secret('shredList'))
  const keys: TenantKeys = {
    tenant,
    data: new TenantKey({ ...common, keyClass: KEY_CLASS.tenant, secret: secret('data') }),
    audit: new TenantKey({ ...common, keyClass: KEY_CLASS.audit, secret: secret('audit') }),
    text(purpose) {
      const known = texts.get(purpose)
      if (known) return known
      if (texts.size >= TEXT_PURPOSES_MAX)
        throw new RangeError('purposes of sealed texts must be named by code, not by data')
      const key = new TenantKey({ ...common, keyClass: KEY_CLASS.text, secret: textSecret, label: purpose })
      texts.set(purpose, key)
      return key
    },
    tokenizer: createTokenizer(secret('index'), options.hmac),
    ids: createPublicIds(secret('id'), tenant, options.hmac),
    shredListMac: (line) => createHmac('sha256', shredKey).update(line).digest('base64url'),
  }
  for (const bytes of secrets.values()) bytes.fill(0)
  return keys
}

/** The same key, wrapped under a newer branch key. */
export function rewrapTenantKeyRow(
  row: TenantKeyRow,
  from: KeyObject,
  to: { epoch: number; secret: KeyObject },
): TenantKeyRow {
  const key = unwrapKey(from, row.wrapped, tenantKeyPlace(row))
  const moved = { ...row, epoch: to.epoch }
  const wrapped = wrapKey(to.secret, key, tenantKeyPlace(moved))
  key.fill(0)
  return { ...moved, wrapped }
}

function tenantKeyPlace(row: { tenant: number; purpose: number; version: number; epoch: number }) {
  return {
    kind: 'tenant',
    tenant: row.tenant,
    epoch: row.epoch,
    version: row.version,
    subject: row.purpose,
    lineage: 0,
  } as const
}
