import type { Vault } from '#vault'

/** A detail belongs to its audit record, which the log itself protects; the tenant is all it is bound to. */
const aad = (tenant: number) => ({ tenant, type: 0, rid: 0, version: 0, patient: 0 })

/** Seal what of an access may name a patient (search text) under the tenant's audit key. */
export function sealDetail(vault: Vault, tenant: number, text: string): Buffer {
  return vault.seal(vault.auditKey(tenant), aad(tenant), text, 0)
}

/** The reverse of `sealDetail`. */
export function openDetail(vault: Vault, tenant: number, detail: Buffer): string {
  return vault.open(vault.auditKey(tenant), aad(tenant), detail).toString()
}
