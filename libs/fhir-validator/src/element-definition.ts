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
  return objectsOf(view.element)
    .filter((element) => typeof element.path === 'string' && element.path !== '')
    .map(usable) as ElementDefinition[]
}

const isText = (value: unknown): boolean => typeof value === 'string'
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText)
const isOptional = (test: (value: unknown) => boolean, value: unknown): boolean => value === undefined || test(value)

/** The shape of each part that compiling reads. */
const SHAPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  id: isText,
  sliceName: isText,
  contentReference: isText,
  max: isText,
  min: (value) => Number.isSafeInteger(value),
  maxLength: (value) => Number.isSafeInteger(value),
  base: (value) => isJson(value) && isText(value.path),
  binding: (value) => isJson(value) && isText(value.strength),
  type: (value) => isListOf(value, isType),
  constraint: (value) =>
    isListOf(value, (one) => isText(one.key) && isText(one.expression ?? '') && isText(one.human ?? '')),
  slicing: (value) =>
    isJson(value) &&
    isOptional((list) => isListOf(list, (one) => isText(one.type) && isText(one.path)), value.discriminator),
}

const isListOf = (value: unknown, test: (one: Json) => boolean): boolean =>
  Array.isArray(value) && value.every((one) => isJson(one) && test(one))

const isType = (type: Json): boolean =>
  isText(type.code) &&
  isOptional(isTexts, type.profile) &&
  isOptional(isTexts, type.targetProfile) &&
  isOptional(isTexts, type.aggregation)

function usable(element: Json): Json {
  let result = element
  for (const key in SHAPES) {
    if (element[key] === undefined || SHAPES[key]?.(element[key]) === true) continue
    if (result === element) result = { ...element }
    delete result[key]
  }
  return result
}
