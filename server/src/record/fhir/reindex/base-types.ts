import { isResourceType, typeNumber } from '@salus/fhir-model'
import { parameterBodies } from '../parameters/store.ts'
import { openRows } from '../store/open-row.ts'
import type { RecordStore } from '../store/record-store.ts'

const SEARCH_PARAMETER = typeNumber('SearchParameter') as number

/** Types that these SearchParameter resources are for, each once. */
export async function baseTypes(store: RecordStore, tenant: number, rids: readonly number[]): Promise<string[]> {
  await store.vault.ensureTenant(tenant)
  const rows = await parameterBodies(
    store.database,
    SEARCH_PARAMETER,
    rids.map((rid) => ({ tenant, rid })),
  )
  const types = new Set<string>()
  for (const body of await openRows(store, rows)) {
    const { base } = (body ? JSON.parse(body.toString()) : {}) as { base?: unknown }
    for (const type of Array.isArray(base) ? base : [])
      if (typeof type === 'string' && isResourceType(type)) types.add(type)
  }
  return [...types]
}
