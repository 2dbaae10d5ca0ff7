import { isJson, type Json, objectsOf, textOf } from './definition-source.ts'

/** One type of an element. Spec: https://hl7.org/fhir/R4/elementdefinition.html#ElementDefinition.type */
export interface TypeRef {
  code: string
  profile?: string[]
  targetProfile?: string[]
  aggregation?: string[]
  extension?: unknown
}

export interface Slicing {
  discriminator?: { type: string; path: string }[]
  rules?: string
  ordered?: boolean
}

export interface Constraint {
  key: string
  severity: 'error' | 'warning'
  human?: string
  expression?: string
  extension?: unknown
  source?: string
}

/** What validation reads of an ElementDefinition. Spec: https://hl7.org/fhir/R4/elementdefinition.html */
export interface ElementDefinition extends Json {
  id?: string
  path: string
  sliceName?: string
  slicing?: Slicing
  min?: number
  max?: string
  base?: { path: string; min?: number; max?: string }
  type?: TypeRef[]
  contentReference?: string
  constraint?: Constraint[]
  binding?: { strength: string; valueSet?: string; extension?: unknown }
  maxLength?: number
  isModifier?: boolean
}

const FHIR_TYPE = 'http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type'
const SYSTEM = 'http://hl7.org/fhirpath/System.'

/** The FHIR type that a type reference means: `string` for `http://hl7.org/fhirpath/System.String`. */
export function typeCode(type: TypeRef): string {
  const { code } = type
  if (!code.startsWith(SYSTEM)) return code
  for (const extension of objectsOf(type.extension))
    if (extension.url === FHIR_TYPE) return textOf(extension.valueUrl) || textOf(extension.valueUri)
  const name = code.slice(SYSTEM.length)
  return name.charAt(0).toLowerCase() + name.slice(1)
}

/** The value of the only key with this prefix: `fixedCode` for `fixed`. */
export function choiceOf(definition: Json, prefix: string): { type: string; value: unknown } | undefined {
  for (const key in definition)
    if (key.startsWith(prefix) && key.length > prefix.length && /^[A-Z]/.test(key.slice(prefix.length)))
      return { type: key.slice(prefix.length), value: definition[key] }
  return undefined
}

/** `*` is no limit. */
export function maxOf(max: unknown): number {
  if (max === undefined || max === '*') return Number.POSITIVE_INFINITY
  const number = Number(max)
  return Number.isInteger(number) && number >= 0 ? number : Number.POSITIVE_INFINITY
}

/** Definitions come from packages: what is not of the expected shape is left out, never trusted. */
export function elementsOf(view: unknown): ElementDefinition[] {
  if (!isJson(view)) return []
  return objectsOf(view.element).filter((element) => typeof element.path === 'string') as ElementDefinition[]
}
