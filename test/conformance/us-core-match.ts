import type { Json } from '../fixtures/server.ts'

// What a search means, evaluated naively on the JSON of the loaded resources: written from the specification alone
// (http://hl7.org/fhir/R4/search.html), it shares no code with the search.

/** A search parameter as the US Core test kit's metadata describes it. */
export interface Definition {
  /** Type of the element: `CodeableConcept`, `Reference`, `date`. */
  type: string
  comparators: Record<string, string>
  multiple_or: string | null
  chain: { chain: string; expectation: string }[] | null
  /** Paths of elements within the resource, without choice types. */
  paths: string[]
  /** Codes that the profile fixes. */
  values: string[]
}

export type Prefix = 'gt' | 'ge' | 'lt' | 'le'

/** Values that a search for this resource may name; of a period its year, which may hold it whole. */
export function searchValues(resource: Json, { type, paths }: Definition): string[] {
  const values = paths.flatMap((path) => valuesAt(resource, path))
  return [...new Set(values.flatMap((value) => searchForms(type, value)))]
}

function searchForms(type: string, value: Json): string[] {
  switch (type) {
    case 'CodeableConcept':
      return (value.coding ?? []).filter(({ code }: Json) => code).map(({ system, code }: Json) => token(system, code))
    case 'Identifier':
      return value.value === undefined ? [] : [token(value.system, value.value)]
    case 'Reference':
      return /^[A-Z]\w+\/[\w.-]+$/.test(value.reference ?? '') ? [value.reference] : []
    case 'HumanName':
      return value.family === undefined ? [] : [value.family]
    case 'Address':
      return value.city === undefined ? [] : [value.city]
    default:
      if (!isDate(type)) return [String(value)]
      if (typeof value === 'string') return [value]
      return value.start === undefined ? [] : [value.start.slice(0, 4)]
  }
}

/** Whether a search by this parameter finds the resource; `value` may hold several, split by commas. */
export function isFound(resource: Json, definition: Definition, value: string, prefix?: Prefix): boolean {
  const { type, paths } = definition
  const found = paths.flatMap((path) => valuesAt(resource, path))
  return value.split(',').some((one) => found.some((element) => isMatch(type, element, one, prefix)))
}

function isMatch(type: string, element: Json, value: string, prefix: Prefix | undefined): boolean {
  switch (type) {
    case 'CodeableConcept':
      return (element.coding ?? []).some(({ system, code }: Json) => isToken(value, system, code))
    case 'Identifier':
      return isToken(value, element.system, element.value)
    case 'Reference':
      return element.reference === (value.includes('/') ? value : `Patient/${value}`)
    case 'HumanName':
      return startsWith([element.text, element.family, element.given, element.prefix, element.suffix], value)
    case 'Address':
      return startsWith(
        ['text', 'line', 'city', 'district', 'state', 'postalCode', 'country'].map((key) => element[key]),
        value,
      )
    case 'string':
      return startsWith([element], value)
    default:
      return isDate(type) ? isInTime(timeOf(element), timeOf(value), prefix) : element === value
  }
}

/** All values at a path of names: lists are entered, a choice is found under any of its types. */
function valuesAt(resource: Json, path: string): Json[] {
  let at: Json[] = [resource]
  for (const name of path.split('.'))
    at = at.flatMap((one) =>
      Object.keys(one ?? {})
        .filter(
          (key) =>
            key === name || (key.startsWith(name) && /^(?:DateTime|Period|Instant)$/.test(key.slice(name.length))),
        )
        .flatMap((key) => one[key]),
    )
  return at
}

function token(system: string | undefined, code: string): string {
  return system === undefined ? code : `${system}|${code}`
}

function isToken(value: string, system: string | undefined, code: string): boolean {
  return value.includes('|') ? value === `${system ?? ''}|${code}` : value === code
}

function startsWith(texts: readonly Json[], value: string): boolean {
  return texts
    .flat()
    .some((text) => text !== undefined && text !== null && plain(String(text)).startsWith(plain(value)))
}

/** Without case and accents: http://hl7.org/fhir/R4/search.html#string */
function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
}

function isDate(type: string): boolean {
  return ['date', 'dateTime', 'instant', 'Period'].includes(type)
}

interface Time {
  start: number
  end: number
}

/** A date stands for all moments it may mean: http://hl7.org/fhir/R4/search.html#date. Without a zone it is UTC. */
function timeOf(value: Json): Time {
  if (typeof value !== 'string')
    return {
      start: value.start === undefined ? Number.NEGATIVE_INFINITY : timeOf(value.start).start,
      end: value.end === undefined ? Number.POSITIVE_INFINITY : timeOf(value.end).end,
    }
  const start = Date.parse(value.length === 4 ? `${value}-01-01` : value.length === 7 ? `${value}-01` : value)
  const next = new Date(start)
  if (value.length === 4) next.setUTCFullYear(next.getUTCFullYear() + 1)
  else if (value.length === 7) next.setUTCMonth(next.getUTCMonth() + 1)
  else if (value.length === 10) next.setUTCDate(next.getUTCDate() + 1)
  else next.setTime(start + (/\.\d/.test(value) ? 1 : 1000))
  return { start, end: next.getTime() - 1 }
}

function isInTime(element: Time, value: Time, prefix: Prefix | undefined): boolean {
  const isWithin = element.start >= value.start && element.end <= value.end
  switch (prefix) {
    case 'gt':
      return element.end > value.end
    case 'lt':
      return element.start < value.start
    case 'ge':
      return element.end > value.end || isWithin
    case 'le':
      return element.start < value.start || isWithin
    default:
      return isWithin
  }
}
