import { Decimal } from './decimal.ts'
import { Quantity } from './quantity.ts'
import { parseDateTime, parseTime, type Temporal, temporalText } from './temporal.ts'
import { TEMPORAL_TYPES } from './type-model.ts'

/**
 * An element of a resource: its JSON, its FHIR type (empty where unknown) and, for a primitive, what its JSON sibling
 * `_name` holds (`id` and `extension`). `value` is undefined for a primitive that has only extensions.
 */
export class FhirNode {
  readonly value: unknown
  readonly type: string
  readonly extra: unknown

  constructor(value: unknown, type: string, extra?: unknown) {
    this.value = value
    this.type = type
    this.extra = extra
  }
}

/** A value of FHIRPath's own types; a JavaScript number is an Integer. */
export type SystemValue = boolean | string | number | Decimal | Temporal | Quantity

/** One item of a collection. */
export type Item = FhirNode | SystemValue

/** A collection. Never changed once another closure can see it, so that it may be shared. */
export type Items = readonly Item[]

export const EMPTY: Items = Object.freeze([])
export const TRUE: Items = Object.freeze([true])
export const FALSE: Items = Object.freeze([false])

export function truth(value: boolean | undefined): Items {
  return value === undefined ? EMPTY : value ? TRUE : FALSE
}

/** One item as a collection; undefined is the empty collection. */
export function only(item: Item | undefined): Items {
  return item === undefined ? EMPTY : [item]
}

export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A JSON value as a node. A resource is of its own type, whatever type its place allows. */
export function toNode(value: unknown, declaredType: string, extra?: unknown): FhirNode {
  if (declaredType === '' || declaredType === 'Resource' || declaredType === 'DomainResource') {
    const own = isObject(value) && Object.hasOwn(value, 'resourceType') ? value.resourceType : undefined
    if (typeof own === 'string') return new FhirNode(value, own, extra)
  }
  return new FhirNode(value, declaredType, extra)
}

/**
 * The value an operator works on: of a FHIR primitive its System value, of a FHIR Quantity a System Quantity.
 * Undefined for other complex elements, primitives without a value, and a Quantity with a comparator: `< 5 mg` is not
 * 5 mg.
 */
export function systemValue(item: Item): SystemValue | undefined {
  if (!(item instanceof FhirNode)) return item
  const { value, type } = item
  switch (typeof value) {
    case 'string':
      return stringValue(value, type)
    case 'boolean':
      return value
    case 'number':
      return type !== 'decimal' && Number.isSafeInteger(value) ? value : Decimal.of(value)
    case 'object':
      return quantityValue(item)
    default:
      return undefined
  }
}

function stringValue(value: string, type: string): SystemValue | undefined {
  const kind = TEMPORAL_TYPES.get(type)
  if (kind === undefined) return value
  const parsed = kind === 'time' ? parseTime(value) : parseDateTime(value)
  return parsed && kind === 'dateTime' && parsed.kind === 'date' ? { ...parsed, kind } : parsed
}

const QUANTITY_TYPES = new Set(['Quantity', 'Age', 'Count', 'Distance', 'Duration', 'MoneyQuantity', 'SimpleQuantity'])
const UCUM = 'http://unitsofmeasure.org'

function quantityValue(node: FhirNode): Quantity | undefined {
  const json = node.value
  if (!isObject(json) || typeof json.value !== 'number' || json.comparator !== undefined) return undefined
  if (!QUANTITY_TYPES.has(node.type) && node.type !== '') return undefined
  const amount = Decimal.of(json.value)
  if (amount === undefined) return undefined
  const coded = json.system === UCUM && typeof json.code === 'string'
  const unit = coded ? json.code : json.unit
  return new Quantity(amount, typeof unit === 'string' ? unit : '1', false)
}

export function isTemporal(value: unknown): value is Temporal {
  return isObject(value) && 'fractionDigits' in value
}

/** The name of the System type of a value. */
export function systemTypeName(value: SystemValue): string {
  switch (typeof value) {
    case 'boolean':
      return 'Boolean'
    case 'string':
      return 'String'
    case 'number':
      return 'Integer'
    default:
      break
  }
  if (value instanceof Decimal) return 'Decimal'
  if (value instanceof Quantity) return 'Quantity'
  return value.kind === 'date' ? 'Date' : value.kind === 'time' ? 'Time' : 'DateTime'
}

/** What the caller gets for an item: plain JSON. */
export function toJson(item: Item): unknown {
  if (item instanceof FhirNode) return item.value
  if (item instanceof Decimal) return item.toNumber()
  if (item instanceof Quantity) {
    const value = item.value.toNumber()
    if (item.calendar) return { value, unit: item.unit }
    return { value, unit: item.unit, system: UCUM, code: item.unit }
  }
  return isTemporal(item) ? temporalText(item) : item
}
