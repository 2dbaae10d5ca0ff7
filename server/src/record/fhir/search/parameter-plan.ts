import { RESOURCE_TYPES, type SearchParameterDef, searchParameters, typePlan } from '@salus/fhir-model'
import type { CustomTable } from '../parameters/custom-parameters.ts'

/** How the values of one search parameter are stored, worked out once from its definition. */
export interface ParameterPlan {
  def: SearchParameterDef
  /** Names the values in their tokens: parameters that read the same element share it, so that each value is kept once. */
  leaf: string
  /** Names of the leaves a string search has to ask: `name` asks family, given and so on. */
  stringLeaves: string[]
  /** Parameters whose values together are this one's (`combo-code` = `code` + `component-code`): nothing is stored for it. */
  derivedFrom?: SearchParameterDef[]
  /** Telephone numbers, addresses of e-mail and the like: compared in their normal form. */
  contact: boolean
  /** A date of birth or death: bucket tokens, never a date in the clear. */
  lifeDate: boolean
  /** The type's promoted code and date live in columns of the resource row. */
  promotedCode: boolean
  promotedDate: boolean
  /** Reads the one element that names the owning patient: a reference to a patient is the column `patient`, not a row. */
  owner: boolean
  /** Types a reference without a type may mean. */
  targets: readonly string[]
  /** Identifiers and contacts point at a person: their tokens have kinds that the vault does not remember. */
  personal: boolean
  /** A tenant's own: nothing is known of what its values tell, so none stands in the clear. */
  own: boolean
  /** Values name one thing or few: the token index is asked at once, without looking at the newest rows first. */
  rare: boolean
}

const plans = new Map<string, ReadonlyMap<string, ParameterPlan>>()

/** Plans of all search parameters of a resource type, by code. */
export function parameterPlans(type: string): ReadonlyMap<string, ParameterPlan> {
  let found = plans.get(type)
  if (!found) {
    const defs = [...searchParameters(type).values()]
    found = new Map(defs.map((def) => [def.code, planOf(type, def, defs)]))
    plans.set(type, found)
  }
  return found
}

/** The plan of a parameter, an official one or one of the tenant's own. */
export function planNamed(type: string, code: string, custom: CustomTable | undefined): ParameterPlan | undefined {
  return parameterPlans(type).get(code) ?? custom?.of(type)?.get(code)?.plan
}

/** Leaf of a value: elements of a name or address carry the element's own name as `part`. */
export function leafOf(plan: ParameterPlan, part: string | undefined): string {
  return part === undefined ? plan.leaf : `${plan.leaf}.${part}`
}

const NAME_PARTS = ['family', 'given', 'prefix', 'suffix', 'text']
const ADDRESS_PARTS = ['line', 'city', 'district', 'state', 'postalCode', 'country', 'text']
const PARTS: Record<string, string[]> = { name: NAME_PARTS, phonetic: NAME_PARTS, address: ADDRESS_PARTS }

/** Only these say when a person was born or died. */
const PERSONS = new Set(['Patient', 'Person', 'Practitioner', 'RelatedPerson'])

/** Kinds whose tokens or rows may be left to the parameters that a union is made of. */
const DERIVABLE = new Set(['token', 'string', 'uri', 'quantity', 'number'])

/** Parameters over identifiers and contacts, by the words their codes are made of. */
const PERSONAL = /(?:^|-)(?:identifier|phone|email|telecom|accession|number|udi|id)(?:-|$)/

function planOf(type: string, def: SearchParameterDef, defs: SearchParameterDef[]): ParameterPlan {
  const parts = expressionParts(def.expression)
  const promoted = typePlan(type)
  const lifeDate = def.type === 'date' && PERSONS.has(type) && /\b(?:birthDate|deceased)\b/.test(def.expression)
  const leaf = leafName(type, def, parts, defs)
  const personal = def.type === 'token' && PERSONAL.test(def.code)
  const derivedFrom = unionOf(def, parts, defs)
  return {
    def,
    leaf,
    stringLeaves: [leaf, ...(PARTS[def.code] ?? []).map((part) => `${leaf}.${part}`)],
    ...(derivedFrom ? { derivedFrom } : {}),
    contact: def.type === 'token' && /\.telecom\b/.test(def.expression),
    lifeDate,
    promotedCode: promoted.codeParam?.code === def.code && def.type === 'token',
    promotedDate: promoted.dateParam?.code === def.code && def.type === 'date' && !lifeDate,
    owner: promoted.ownerParams.some((owner) => owner.code === def.code),
    targets: def.type === 'reference' && def.targets.length === 0 ? RESOURCE_TYPES : def.targets,
    personal,
    own: false,
    rare: personal || (def.type === 'uri' && !def.code.startsWith('_')),
  }
}

/**
 * The plan of a parameter that a tenant defined. Its expression may lead to a date of birth or a number that stands for a person:
 * tokens are treated as personal, dates become buckets, and of numbers it is only kept that there is one.
 */
export function customPlan(def: SearchParameterDef): ParameterPlan {
  const leaf = `custom.${def.id}`
  return {
    def,
    leaf,
    stringLeaves: [leaf, ...new Set([...NAME_PARTS, ...ADDRESS_PARTS])].map((part) =>
      part === leaf ? leaf : `${leaf}.${part}`,
    ),
    contact: def.type === 'token' && /\.telecom\b/.test(def.expression),
    lifeDate: def.type === 'date',
    promotedCode: false,
    promotedDate: false,
    owner: false,
    targets: def.type === 'reference' && def.targets.length === 0 ? RESOURCE_TYPES : def.targets,
    personal: true,
    own: true,
    rare: false,
  }
}

/** `(A.x as Quantity) | A.y` as its alternatives, without blanks and outer parentheses. */
function expressionParts(expression: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at <= expression.length; at++) {
    const character = expression[at]
    if (character === '(') depth++
    else if (character === ')') depth--
    else if (character === undefined || (character === '|' && depth === 0)) {
      parts.push(
        expression
          .slice(start, at)
          .replace(/\s+/g, ' ')
          .trim()
          .replace(/^\((.*)\)$/, '$1'),
      )
      start = at + 1
    }
  }
  return parts.toSorted()
}

function leafName(type: string, def: SearchParameterDef, parts: string[], defs: SearchParameterDef[]): string {
  if (def.code.startsWith('_')) return `Resource.${def.code}`
  // A plain path names the element itself, so `family` (Patient.name.family) and the part family of `name` meet.
  if (def.type === 'string' && parts.length === 1 && /^\w+(?:\.\w+)+$/.test(parts[0] as string))
    return parts[0] as string
  const text = parts.join('|')
  const first = defs.find((other) => other.type === def.type && expressionParts(other.expression).join('|') === text)
  return `${type}.${(first ?? def).code}`
}

function unionOf(
  def: SearchParameterDef,
  parts: string[],
  defs: SearchParameterDef[],
): SearchParameterDef[] | undefined {
  if (!DERIVABLE.has(def.type) || parts.length < 2 || def.code.startsWith('_')) return undefined
  const wanted = new Set(parts)
  const members: SearchParameterDef[] = []
  const covered = new Set<string>()
  for (const other of defs) {
    if (other === def || other.type !== def.type) continue
    const theirs = expressionParts(other.expression)
    // Only strictly smaller ones: two parameters with the same union would otherwise each leave the values to the other.
    if (
      theirs.length >= parts.length ||
      !theirs.every((part) => wanted.has(part)) ||
      theirs.every((part) => covered.has(part))
    )
      continue
    members.push(other)
    for (const part of theirs) covered.add(part)
  }
  return covered.size === wanted.size ? members : undefined
}
