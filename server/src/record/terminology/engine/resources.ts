/** Any JSON object; conformance resources arrive from packages, from the record and from callers, and are read with care. */
export type Json = { readonly [name: string]: unknown }

/** `value[name]` as an object list: what is not an object is passed over, so that malformed input cannot crash a reader. */
export function objects(value: Json | undefined, name: string): readonly Json[] {
  const found = value?.[name]
  return Array.isArray(found) ? found.filter(isObject) : []
}

export function object(value: Json | undefined, name: string): Json | undefined {
  const found = value?.[name]
  return isObject(found) ? found : undefined
}

export function text(value: Json | undefined, name: string): string | undefined {
  const found = value?.[name]
  return typeof found === 'string' && found !== '' ? found : undefined
}

export function texts(value: Json | undefined, name: string): readonly string[] {
  const found = value?.[name]
  return Array.isArray(found) ? found.filter((one): one is string => typeof one === 'string') : []
}

export function truth(value: Json | undefined, name: string): boolean | undefined {
  const found = value?.[name]
  return typeof found === 'boolean' ? found : undefined
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The `value[x]` of a parameter, property or extension with its name, e.g. `['valueCode', 'active']`. */
export function valueOf(element: Json | undefined): readonly [name: string, value: unknown] | undefined {
  if (element === undefined) return undefined
  for (const name in element) if (name.startsWith('value')) return [name, element[name]]
  return undefined
}

/** The value of an extension as text; undefined when there is none of that URL. */
export function extensionText(element: Json | undefined, url: string): string | undefined {
  const found = objects(element, 'extension').find((one) => one.url === url)
  const value = valueOf(found)?.[1]
  return typeof value === 'string' || typeof value === 'boolean' ? String(value) : undefined
}

export const STANDARDS_STATUS = 'http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status'

/** `url|version` taken apart. */
export function canonicalParts(canonical: string): { url: string; version?: string } {
  const bar = canonical.indexOf('|')
  if (bar < 0) return { url: canonical }
  const version = canonical.slice(bar + 1)
  return version === '' ? { url: canonical.slice(0, bar) } : { url: canonical.slice(0, bar), version }
}

export function canonicalOf(url: string, version: string | undefined): string {
  return version === undefined || version === '' ? url : `${url}|${version}`
}

/** `url|version` of a resource; empty when it has no url. */
export function canonicalOfResource(resource: Json): string {
  return canonicalOf(text(resource, 'url') ?? '', text(resource, 'version'))
}
