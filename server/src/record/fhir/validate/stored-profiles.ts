import { typeNumber } from '@salus/fhir-model'
import { type Stamp, terminologyStamps } from '../operations/store.ts'
import { storedDefinitions } from '../operations/stored-terminology.ts'
import type { SearchDeps } from '../search/index.ts'
import { batchLoader } from '../store/batch-loader.ts'
import type { RecordStore } from '../store/record-store.ts'
import type { ProfileCheckParts } from './profile-checks.ts'
import { OWN_TYPES } from './tenant-definitions.ts'
import { VALIDATE_LIMITS } from './validate-limits.ts'

/** The definitions that tenants have stored themselves. Whether they changed is looked up for all calls of a turn at once. */
export function storedProfiles(store: RecordStore, search: SearchDeps): Pick<ProfileCheckParts, 'stampOf' | 'fetch'> {
  const types = OWN_TYPES.map((type) => typeNumber(type) as number)
  const stampOf = batchLoader<number, Stamp>((tenants) => terminologyStamps(store.database, tenants, types))
  return {
    stampOf,
    fetch: (tenant) => (type, urls) =>
      storedDefinitions(store, search, { tenant, type, urls, count: VALIDATE_LIMITS.storedPerQueryMax }),
  }
}
