import { randomUUID } from 'node:crypto'
import { type PatientRecords, sealDetail } from '#fhir'
import { type Clock, errorFields, type Log } from '#kernel'
import type { Vault } from '#vault'

/** How often it is looked for what came back of erased patients. */
const SWEEP_MS = 60_000
/** A write that fetched the key just before it was destroyed has ended after this: requests are cut off much earlier. */
const SETTLED_MS = 600_000
/** Patients looked at in one query. */
const PATIENTS_PER_QUERY = 1_000

interface Sweeper {
  vault: Vault
  patients: PatientRecords
  clock: Clock
  log: Log
}

/**
 * Remove what a write under way brought back of a patient who was erased at that moment: of all erased patients now, and each
 * minute of those erased in the last ten minutes. One that fails is logged and done at the next; the result stops it.
 */
export async function startErasureSweep(sweeper: Sweeper): Promise<() => Promise<void>> {
  const sweep = async (since: number): Promise<void> => {
    try {
      const removed = await sweepErased(sweeper, since)
      if (removed > 0)
        sweeper.log.warn('resources of erased patients had come back and were removed', { count: removed })
    } catch (error) {
      sweeper.log.error('sweep after erasures failed', errorFields(error))
    }
  }
  await sweep(0)
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= sweep(sweeper.clock.now() - SETTLED_MS).finally(() => {
      running = undefined
    })
  }, SWEEP_MS)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await running
  }
}

/** Of the patients erased at or after `since` (ms). Gives the number of resources removed. Faults of the vault, the database and the ledger. */
export async function sweepErased(
  { vault, patients }: Pick<Sweeper, 'vault' | 'patients'>,
  since: number,
): Promise<number> {
  const byTenant = new Map<number, number[]>()
  for (const { tenant, patient } of await vault.shreddedSince(since)) {
    const listed = byTenant.get(tenant) ?? []
    listed.push(patient)
    byTenant.set(tenant, listed)
  }
  let removed = 0
  for (const [tenant, all] of byTenant) {
    await vault.ensureTenant(tenant)
    const detail = sealDetail(vault, tenant, 'erased patients: removed what a write under way brought back')
    const by = { client: 'server', actor: 'server', requestId: randomUUID(), detail }
    for (let from = 0; from < all.length; from += PATIENTS_PER_QUERY)
      removed += await patients.removeShredded({ tenant, patients: all.slice(from, from + PATIENTS_PER_QUERY) }, by)
  }
  return removed
}
