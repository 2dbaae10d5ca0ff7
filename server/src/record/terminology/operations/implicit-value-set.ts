import type { Filter } from '../engine/concept.ts'
import type { Inquiry } from '../engine/inquiry.ts'
import type { Json } from '../engine/resources.ts'

const SNOMED = 'http://snomed.info/sct'
const LOINC = 'http://loinc.org'

/**
 * Value sets that a code system implies by the form of their URL: SNOMED CT (http://hl7.org/fhir/R4/snomedct.html#implicit),
 * LOINC (http://hl7.org/fhir/R4/loinc.html#implicit), and `[system]?fhir_vs` for any other. Undefined when it is none.
 */
export async function implicitValueSet(inquiry: Inquiry, url: string): Promise<Json | undefined> {
  const [, system = '', kind] = /^(.+?)\?fhir_vs(?:=(.*))?$/.exec(url) ?? []
  if (system !== '') {
    const edition = /^(http:\/\/snomed\.info\/sct)\/(.+)$/.exec(system)
    const include = edition ? { system: SNOMED, version: system } : { system }
    const filters = filtersOf(kind)
    if (!filters || !(await inquiry.system(include.system, edition ? system : undefined))) return undefined
    return valueSet(url, { ...include, ...(filters.length === 0 ? {} : { filter: filters }) })
  }
  const [, list] = /^http:\/\/loinc\.org\/vs(?:\/(.+))?$/.exec(url) ?? [undefined, undefined]
  if (!url.startsWith(`${LOINC}/vs`)) return undefined
  if (list === undefined) return valueSet(url, { system: LOINC })
  const property = list.startsWith('LL') ? 'answer-list' : 'ancestor'
  return valueSet(url, { system: LOINC, filter: [{ property, op: '=', value: list }] })
}

function filtersOf(kind: string | undefined): Filter[] | undefined {
  if (kind === undefined || kind === '') return []
  if (kind === 'refset') return [{ property: 'refset', op: 'exists', value: 'true' }]
  const [, name, value = ''] = /^(isa|refset|ecl)\/(.+)$/.exec(decoded(kind)) ?? []
  if (name === 'isa') return [{ property: 'concept', op: 'is-a', value }]
  if (name === 'refset') return [{ property: 'concept', op: 'in', value }]
  return name === 'ecl' ? [{ property: 'constraint', op: '=', value }] : undefined
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function valueSet(url: string, include: Json): Json {
  return { resourceType: 'ValueSet', url, status: 'active', compose: { include: [include] } }
}
