import { type CompiledExpression, compile, FhirPathError, type StepBudget } from '@salus/fhirpath'
import type { Json } from '../json.ts'
import { fhirPathModel } from '../structure/fhir-path-model.ts'
import { isResourceType } from '../structure/resource-types.ts'
import { type Branch, branchesOf } from './compiled-parameter.ts'
import { converter } from './converters.ts'
import { type SearchParameterDef, type SearchParameterType, searchParameters } from './parameters.ts'
import { UnsupportedExpression } from './routes.ts'
import type { SearchValue } from './search-value.ts'

/** A search parameter that is no official one, of one resource type, ready to find its values. */
export interface CustomParameter {
  def: SearchParameterDef
  /** The values of a resource of its type. Elements of an unexpected shape are passed over. `budget` is shared with others. */
  extract(resource: object, budget?: StepBudget): SearchValue[]
}

/** Why a SearchParameter cannot be used; `element` is where, as a FHIRPath of the resource. The message holds none of its text. */
export class UnusableParameter extends Error {
  readonly element: string
  constructor(element: string, message: string) {
    super(message)
    this.element = element
  }
}

/** Steps one evaluation may take: a thousand times what an official expression needs, some milliseconds at most. */
const STEPS_PER_RESOURCE_MAX = 20_000
/** Types one definition may be for. */
const BASES_MAX = 50
/** Values of one resource that one parameter may give. */
const VALUES_MAX = 1_000
const KINDS = new Set(['string', 'token', 'reference', 'date', 'number', 'quantity', 'uri', 'composite'])

/**
 * Compile a SearchParameter resource for each of its base types. `id` names the parameter in stored rows and must not be one
 * of an official parameter. Paths are followed as those of official parameters are; any other FHIRPath is evaluated within a
 * bound, and a resource for which it fails has no value. Throws {@link UnusableParameter}.
 * Spec: https://hl7.org/fhir/R4/searchparameter.html
 */
export function compileCustomParameter(resource: object, id: number): CustomParameter[] {
  const { code, type, base, expression, url } = resource as Json
  if (typeof code !== 'string' || !/^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(code))
    throw new UnusableParameter('SearchParameter.code', 'A code is letters, digits and hyphens, 64 at most.')
  if (typeof type !== 'string' || !KINDS.has(type))
    throw new UnusableParameter('SearchParameter.type', 'Search by type special cannot be defined by an expression.')
  if (typeof expression !== 'string' || expression === '')
    throw new UnusableParameter(
      'SearchParameter.expression',
      'Without a FHIRPath expression there is nothing to index.',
    )
  if (!Array.isArray(base) || base.length === 0 || base.length > BASES_MAX || !base.every(isKnownType))
    throw new UnusableParameter(
      'SearchParameter.base',
      `Name 1 to ${BASES_MAX} R4 resource types; abstract types are none.`,
    )
  return base.map((one) => {
    const targets = listOf(resource, 'target')
    const components = type === 'composite' ? componentsOf(resource, one) : undefined
    const def: SearchParameterDef = {
      id,
      code,
      type: type as SearchParameterType,
      expression: alternativesFor(one, expression),
      base: one,
      targets,
      index: -1,
      url: typeof url === 'string' ? url : '',
      ...(components ? { components } : {}),
    }
    return { def, extract: bounded(extractorOf(def, one)) }
  })
}

function isKnownType(value: unknown): value is string {
  return typeof value === 'string' && isResourceType(value)
}

/** `Condition.encounter | Procedure.encounter`: only what starts at this type, or at none. */
function alternativesFor(type: string, expression: string): string {
  const own = splitAlternatives(expression).filter((part) => {
    const root = /^[\s(]*(\w+)/.exec(part)?.[1] ?? ''
    return root === type || !isResourceType(root)
  })
  return own.length > 0 ? own.join('|') : expression
}

/** At each `|` outside of parentheses and text. */
function splitAlternatives(expression: string): string[] {
  const parts: string[] = []
  let depth = 0
  let quote = ''
  let start = 0
  for (let at = 0; at < expression.length; at++) {
    const character = expression[at] as string
    if (quote !== '') {
      if (character === '\\') at++
      else if (character === quote) quote = ''
    } else if (character === "'" || character === '`') quote = character
    else if (character === '(') depth++
    else if (character === ')') depth--
    else if (character === '|' && depth === 0) {
      parts.push(expression.slice(start, at))
      start = at + 1
    }
  }
  return [...parts, expression.slice(start)]
}

function listOf(resource: object, key: string): string[] {
  const value = (resource as Json)[key]
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
}

function componentsOf(resource: object, base: string): { code: string; expression: string }[] {
  const { component } = resource as Json
  if (!Array.isArray(component) || component.length < 2 || component.length > 5)
    throw new UnusableParameter('SearchParameter.component', 'A composite has 2 to 5 components.')
  return (component as Json[]).map(({ definition, expression }, place) => {
    const def = [...searchParameters(base).values()].find(({ url }) => url === definition)
    if (def === undefined || typeof expression !== 'string')
      throw new UnusableParameter(
        `SearchParameter.component[${place}]`,
        'A component names an official parameter of the base type by its canonical, and an expression.',
      )
    return { code: def.code, expression }
  })
}

type Extract = (resource: Json, budget: StepBudget | undefined) => SearchValue[]

function extractorOf(def: SearchParameterDef, type: string): Extract {
  try {
    return byBranches(branchesOf(def, type), def)
  } catch (error) {
    if (error instanceof FhirPathError) throw unusable()
    if (!(error instanceof UnsupportedExpression)) throw error
  }
  if (def.type === 'composite')
    throw new UnusableParameter('SearchParameter.component', 'The paths of a composite must be plain paths.')
  return byEvaluation(def, type)
}

function byBranches(branches: Branch[], def: SearchParameterDef): Extract {
  if (branches.length === 0) throw unfitting(def.type)
  return (resource) => {
    const found: SearchValue[] = []
    for (const { key, visit } of branches)
      if (key === '' || resource[key] !== undefined) visit(resource, found, resource)
    return found
  }
}

function byEvaluation(def: SearchParameterDef, type: string): Extract {
  let evaluate: CompiledExpression
  try {
    evaluate = compile(def.expression, { model: fhirPathModel, type, strict: true })
  } catch (error) {
    if (error instanceof FhirPathError) throw unusable()
    throw error
  }
  return (resource, budget) => {
    const found: SearchValue[] = []
    try {
      const limits = { steps: STEPS_PER_RESOURCE_MAX, ...(budget ? { budget } : {}) }
      for (const { value, type: of } of evaluate.typed(resource, limits))
        converter(def.type, FHIR_TYPES[of] ?? of)?.(value as Json, found, resource)
    } catch (error) {
      if (!(error instanceof FhirPathError)) throw error
      return []
    }
    return found
  }
}

/** What functions of FHIRPath give, as the types of elements. */
const FHIR_TYPES: Readonly<Record<string, string>> = {
  'System.String': 'string',
  'System.Boolean': 'boolean',
  'System.Integer': 'integer',
  'System.Decimal': 'decimal',
  'System.Date': 'date',
  'System.DateTime': 'dateTime',
}

function bounded(extract: Extract): CustomParameter['extract'] {
  return (resource, budget) => extract(resource as Json, budget).slice(0, VALUES_MAX)
}

function unusable(): UnusableParameter {
  return new UnusableParameter(
    'SearchParameter.expression',
    'The expression is no FHIRPath that can be compiled for the base type.',
  )
}

function unfitting(kind: string): UnusableParameter {
  return new UnusableParameter(
    'SearchParameter.expression',
    `The expression leads to no element that can be searched by type ${kind}.`,
  )
}
