import type { Vault } from '#vault'

/** Rooms of a job under its number, which no resource has: the request is version 0, its pages follow. */
const REQUEST = 0

/** Seal what a job was asked for: it may name patients. */
export function sealRequest(vault: Vault, of: { tenant: number; number: number }, request: object): Buffer {
  return vault.seal(vault.tenantKey(of.tenant), aad(of, REQUEST), JSON.stringify(request), 0)
}

/** The reverse of `sealRequest`. */
export function openRequest<T>(vault: Vault, of: { tenant: number; number: number }, sealed: Buffer): T {
  return JSON.parse(vault.open(vault.tenantKey(of.tenant), aad(of, REQUEST), sealed).toString()) as T
}

/** Seal one page of a job's files under the tenant's key; it opens as that page of that job only. */
export function sealPage(vault: Vault, of: { tenant: number; number: number }, seq: number, text: Buffer): Buffer {
  return vault.seal(vault.tenantKey(of.tenant), aad(of, seq), text, 0)
}

/** The reverse of `sealPage`. */
export function openPage(vault: Vault, of: { tenant: number; number: number }, seq: number, sealed: Buffer): Buffer {
  return vault.open(vault.tenantKey(of.tenant), aad(of, seq), sealed)
}

/** Pages count from 1. */
function aad({ tenant, number }: { tenant: number; number: number }, version: number) {
  return { tenant, type: 0, rid: number, version, patient: 0 }
}
