import { type CustomParameter, compileCustomParameter, typeNumber, UnusableParameter } from '@salus/fhir-model'
import type { Database } from '#db'
import type { Clock } from '#kernel'
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

/**
 * Follows the search parameters of all tenants, as one process knows them: one query of some 30 us for the first caller after two
 * seconds. Faults of the database.
 */
export function customParameters(
  base: CustomParameterDependencies,
): (tenant: number) => CustomTable | Promise<CustomTable> {
  let known: ReadonlyMap<number, CustomTable> | undefined
  let numbered = ''
  let lookedAt = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | undefined
  const look = async (): Promise<void> => {
    const at = base.clock.monotonic()
    const [parameters, rebuilding] = await Promise.all([
      numberedParameters(base.database),
      rebuildingTenants(base.database),
    ])
    const now = JSON.stringify([parameters, rebuilding])
    if (known === undefined || now !== numbered) known = withRebuilding(await compiled(base, parameters), rebuilding)
    numbered = now
    lookedAt = at
  }
  return (tenant) => {
    if (known && base.clock.monotonic() - lookedAt <= KNOWN_MS_MAX) return known.get(tenant) ?? NONE
    looking ??= look().finally(() => {
      looking = undefined
    })
    return looking.then(() => known?.get(tenant) ?? NONE)
  }
}

async function compiled(
  { database, vault }: CustomParameterDependencies,
  parameters: readonly NumberedParameter[],
): Promise<Map<number, CustomTable['of']>> {
  const tables = new Map<number, Map<string, Map<string, CustomEntry>>>()
  if (parameters.length === 0) return new Map()
  const numbers = new Map(parameters.map((one) => [`${one.tenant} ${one.rid}`, one]))
  for (const tenant of new Set(parameters.map((one) => one.tenant))) await vault.ensureTenant(tenant)
  for (const row of await parameterBodies(database, SEARCH_PARAMETER, parameters)) {
    const { number, version, isReady } = numbers.get(`${row.tenant} ${row.rid}`) as NumberedParameter
    const resource = JSON.parse(vault.open(vault.tenantKey(row.tenant), row, row.sealed).toString()) as object
    const types = tables.get(row.tenant) ?? new Map<string, Map<string, CustomEntry>>()
    tables.set(row.tenant, types)
    for (const one of entriesOf(resource, number)) {
      const codes = types.get(one.def.base) ?? new Map<string, CustomEntry>()
      types.set(one.def.base, codes)
      // Of two definitions of one code the first stays: what it answers does not change under those who use it.
      if (!codes.has(one.def.code)) codes.set(one.def.code, { ...one, plan: customPlan(one.def), version, isReady })
    }
  }
  return new Map([...tables].map(([tenant, types]) => [tenant, (type) => types.get(type)]))
}

function withRebuilding(
  tables: ReadonlyMap<number, CustomTable['of']>,
  rebuilding: readonly number[],
): Map<number, CustomTable> {
  const tenants = new Set([...tables.keys(), ...rebuilding])
  return new Map(
    [...tenants].map((tenant) => [
      tenant,
      { of: tables.get(tenant) ?? NONE.of, isRebuilding: rebuilding.includes(tenant) },
    ]),
  )
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
