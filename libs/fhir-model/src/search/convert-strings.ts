import type { Visit } from './link.ts'
import type { SearchValue } from './search-value.ts'

// Spec: https://hl7.org/fhir/R4/search.html#string

export const stringValue: Visit = (value, found) => {
  const text: unknown = value
  if (typeof text === 'string') found.push({ kind: 'string', value: text })
}

export const uriValue: Visit = (value, found) => {
  const text: unknown = value
  if (typeof text === 'string') found.push({ kind: 'uri', value: text })
}

export const nameStrings = parts(['family', 'given', 'prefix', 'suffix', 'text'])
export const addressStrings = parts(['line', 'city', 'district', 'state', 'postalCode', 'country', 'text'])

/** A search for a name or address matches any of its parts. */
function parts(names: readonly string[]): Visit {
  return (object, found) => {
    for (const part of names) {
      const value = object[part]
      if (typeof value === 'string') found.push({ kind: 'string', value, part })
      else if (Array.isArray(value)) addItems(value, part, found)
    }
  }
}

function addItems(values: unknown[], part: string, found: SearchValue[]): void {
  for (const value of values) if (typeof value === 'string') found.push({ kind: 'string', value, part })
}
