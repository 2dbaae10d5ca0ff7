import { type CustomParameter, compileCustomParameter, typeNumber, UnusableParameter } from '@salus/fhir-model'
import type { Database } from '#db'
import { type Clock, eventLoopTurns } from '#kernel'
import type { Vault } from '#vault'
import { customPlan, type ParameterPlan } from '../search/parameter-plan.ts'
import { type NumberedParameter, numberedParameters, parameterBodies, rebuildingTenants } from './store.ts'

/** A search parameter of a tenant's own. */
export interface CustomEntry extends CustomParameter {
  plan: ParameterPlan
  /** Of the SearchParameter resource. */
  version: number
  /** False while what was stored before is still being indexed. */
  isReady: boolean
}

/** The search parameters one tenant defined. */
export interface CustomTable {
  /** By code, for one resource type; undefined when there are none. */
  of(type: string): ReadonlyMap<string, CustomEntry> | undefined
  /** All that is stored is being indexed again: older resources may lack what newer ones are found by. */
  isRebuilding: boolean
}

export interface CustomParameterDependencies {
  database: Database
  vault: Pick<Vault, 'open' | 'tenantKey' | 'ensureTenant'>
  clock: Clock
}

/** How old what is known may be. A process that cannot look again for longer does not write meanwhile. */
export const KNOWN_MS_MAX = 2_000
const SEARCH_PARAMETER = typeNumber('SearchParameter') as number
const NONE: CustomTable = { of: () => undefined, isRebuilding: false }
const REBUILDING: CustomTable = { of: () => undefined, isRebuilding: true }

/** One tenant's parameters as they are compiled, and what they were compiled from. */
interface Known {
  signature: string
  table: Promise<CustomTable>
  /** Once it is there: what is asked for at every write need not wait. */
  ready?: CustomTable
}

/**
 * Follows the search parameters of all tenants, as one process knows them: two queries of some 30 us for the first caller after two
 * seconds, and a tenant's own are compiled when it asks. What cannot be opened or compiled concerns that tenant alone.
 * Faults of the database and of the vault.
 */
export function customParameters(
  base: CustomParameterDependencies,
): (tenant: number) => CustomTable | Promise<CustomTable> {
  let numbered: ReadonlyMap<number, readonly NumberedParameter[]> = new Map()
  let rebuilding: ReadonlySet<number> = new Set()
  let lookedAt = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | undefined
  const known = new Map<number, Known>()
  const look = async (): Promise<void> => {
    const at = base.clock.monotonic()
    const [parameters, tenants] = await Promise.all([
      numberedParameters(base.database),
      rebuildingTenants(base.database),
    ])
    numbered = Map.groupBy(parameters, ({ tenant }) => tenant)
    rebuilding = new Set(tenants)
    lookedAt = at
  }
  const tableOf = (tenant: number): CustomTable | Promise<CustomTable> => {
    const own = numbered.get(tenant) ?? []
    if (own.length === 0) {
      known.delete(tenant)
      return rebuilding.has(tenant) ? REBUILDING : NONE
    }
    const signature = JSON.stringify([own, rebuilding.has(tenant)])
    const found = known.get(tenant)
    if (found?.signature === signature) return found.ready ?? found.table
    const table = compiled(base, own, rebuilding.has(tenant))
    const entry: Known = { signature, table }
    known.set(tenant, entry)
    table.then(
      (ready) => {
        entry.ready = ready
      },
      // Asked again by the next caller.
      () => known.get(tenant) === entry && known.delete(tenant),
    )
    return table
  }
  return (tenant) => {
    if (base.clock.monotonic() - lookedAt <= KNOWN_MS_MAX) return tableOf(tenant)
    looking ??= look().finally(() => {
      looking = undefined
    })
    return looking.then(() => tableOf(tenant))
  }
}

/** The parameters of one tenant. */
async function compiled(
  { database, vault, clock }: CustomParameterDependencies,
  parameters: readonly NumberedParameter[],
  isRebuilding: boolean,
): Promise<CustomTable> {
  const turn = eventLoopTurns(clock)
  const types = new Map<string, Map<string, CustomEntry>>()
  const numbers = new Map(parameters.map((one) => [one.rid, one]))
  await vault.ensureTenant(parameters[0]?.tenant as number)
  for (const row of await parameterBodies(database, SEARCH_PARAMETER, parameters)) {
    await turn()
    const { number, version, isReady } = numbers.get(row.rid) as NumberedParameter
    const resource = JSON.parse(vault.open(vault.tenantKey(row.tenant), row, row.sealed).toString()) as object
    for (const one of entriesOf(resource, number)) {
      const codes = types.get(one.def.base) ?? new Map<string, CustomEntry>()
      types.set(one.def.base, codes)
      // Of two definitions of one code the first stays: what it answers does not change under those who use it.
      if (!codes.has(one.def.code)) codes.set(one.def.code, { ...one, plan: customPlan(one.def), version, isReady })
    }
  }
  return { of: (type) => types.get(type), isRebuilding }
}

/** None of a definition that an earlier or later version of Salus could use and this one cannot. */
function entriesOf(resource: object, number: number): CustomParameter[] {
  try {
    return compileCustomParameter(resource, number)
  } catch (error) {
    if (error instanceof UnusableParameter) return []
    throw error
  }
}
