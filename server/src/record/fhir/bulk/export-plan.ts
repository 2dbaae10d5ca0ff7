import { compartmentParams, RESOURCE_TYPES, searchParameters, typeNumber } from '@salus/fhir-model'
import type { Fault } from '#kernel'
import type { AskedBy } from './bulk-job.ts'
import { BULK_LIMITS } from './bulk-limits.ts'
import type { ExportWish } from './export-parameters.ts'
import type { Whose } from './walk/store.ts'

/** An export as it is kept, sealed, with its job. */
export interface ExportRequest extends AskedBy, Pick<ExportWish, 'since' | 'before' | 'elements' | 'typeFilters'> {
  level: 'system' | 'patient' | 'group'
  types: string[]
  /** `transactionTime`, ms since 1970: what was stored at this moment is exported. */
  at: number
  /** Numbers of the patients it is restricted to; undefined: all. */
  patients?: number[]
  /** A resource of several patients only when all of them are among `patients`: the client listed them itself. */
  allOfThem: boolean
  warnings: Fault[]
}

/** One way through the record: resources of one type, in the order of their last change. */
export interface Walk {
  type: string
  number: number
  whose: Whose
  /** Beyond the compartment: only what something of the patients refers to. */
  referred: boolean
}

/** Types outside the patient compartment that make its resources readable; exported as far as these refer to them. */
const REFERRED_TYPES: ReadonlySet<string> = new Set([
  'Practitioner',
  'PractitionerRole',
  'Organization',
  'Location',
  'Medication',
])

/** Whether a type may be part of a patient- or group-level export. */
export function ofPatients(type: string): boolean {
  return type === 'Patient' || compartmentParams('Patient', type).length > 0 || REFERRED_TYPES.has(type)
}

/** The types in the order in which they are exported. */
export const EXPORTED_TYPES: readonly string[] = RESOURCE_TYPES.filter((type) => type !== 'AuditEvent')

/** All walks of an export, numbered: where it goes on is a number. Several thousand for a large Group. */
export function walksOf({ level, types, patients }: Pick<ExportRequest, 'level' | 'types' | 'patients'>): Walk[] {
  return types.flatMap((type): Walk[] => {
    const walk = (whose: Whose, referred = false): Walk => ({
      type,
      number: typeNumber(type) as number,
      whose,
      referred,
    })
    if (level === 'system') return [walk({ of: 'all' })]
    if (type !== 'Patient' && compartmentParams('Patient', type).length === 0) return [walk({ of: 'all' }, true)]
    const own = patients === undefined ? [walk({ of: 'owned' })] : slices(patients).map((slice) => walk(slice))
    return type === 'Patient' ? own : [...own, walk({ of: 'shared' })]
  })
}

function slices(patients: readonly number[]): Whose[] {
  const found: Whose[] = []
  for (let from = 0; from < patients.length; from += BULK_LIMITS.patientsPerWalk)
    found.push({ of: 'patients', patients: patients.slice(from, from + BULK_LIMITS.patientsPerWalk) })
  return found
}

/** The reference parameters by which resources of the patient compartment refer to others, with the type each is of. */
export function compartmentReferences(): { param: number; type: number }[] {
  return RESOURCE_TYPES.filter((type) => type === 'Patient' || compartmentParams('Patient', type).length > 0).flatMap(
    (type) =>
      [...searchParameters(type).values()].flatMap((def) =>
        def.type === 'reference' ? [{ param: def.id, type: typeNumber(type) as number }] : [],
      ),
  )
}
