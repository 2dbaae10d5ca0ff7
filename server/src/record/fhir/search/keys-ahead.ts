import type { PatientKey } from '#vault'
import type { Predicate } from './predicate.ts'
import type { PreparedType } from './prepare-search.ts'
import type { SearchDeps } from './search-deps.ts'

/** Keys of patients by number, and when they were asked for, on the monotonic clock in milliseconds. */
export interface KeysAhead {
  keys: Promise<ReadonlyMap<number, PatientKey>>
  asked: number
}

/** Patients whose keys are worth fetching before it is known whether anything is found. */
const PATIENTS_MAX = 4

/**
 * The keys of the patients that the search names, asked for together with the rows: both travel in one write, where
 * asking afterwards costs a round trip. Undefined when it names none, or many.
 */
export function keysAhead(deps: SearchDeps, tenant: number, types: readonly PreparedType[]): KeysAhead | undefined {
  const patients = new Set(types.flatMap(({ predicate }) => namedPatients(predicate)))
  if (patients.size === 0 || patients.size > PATIENTS_MAX) return undefined
  const keys = deps.vault.patientKeys(tenant, [...patients])
  // Whoever opens the rows hears of a failure; a search that finds nothing need not.
  keys.catch(() => undefined)
  return { keys, asked: deps.clock.monotonic() }
}

function namedPatients(predicate: Predicate): number[] {
  if (predicate.op === 'patient') return predicate.rids
  return predicate.op === 'and' || predicate.op === 'or' ? predicate.of.flatMap(namedPatients) : []
}
