import { fhirPathModel } from '@salus/fhir-model'
import { compile, FhirPathError, type StepBudget } from '@salus/fhirpath'
import { raise } from '#kernel'
import { elementOf } from '../element-of.ts'
import { GRAPHQL_FAULTS } from './graphql-faults.ts'
import { argumentText } from './read-query.ts'

/** One value of an element, with what its sibling `_name` holds. */
export interface Content {
  value: unknown
  extra: unknown
}

/** What FHIRPath within a query stands on. */
export interface PathContext {
  resource: unknown
  now: number
  budget: StepBudget
}

/**
 * The values that arguments leave of an element's: `fhirpath` (true of the value), a child element that equals (`use: official`),
 * then `_offset` and `_count`. http://hl7.org/fhir/R4/graphql.html#searching
 * Faults `fhir.graphql.argument-invalid`, `.fhirpath-invalid`.
 */
export function filtered(
  contents: readonly Content[],
  type: string,
  given: ReadonlyMap<string, unknown>,
  path: PathContext,
): Content[] {
  let left = [...contents]
  for (const [name, wanted] of given) {
    if (name === '_offset' || name === '_count') continue
    if (name === 'fhirpath') left = left.filter(({ value }) => holds(argumentText(wanted), type, value, path))
    else {
      if (!elementOf(type, name)) raise(GRAPHQL_FAULTS.argument)
      left = left.filter(
        ({ value }) => String((value as Record<string, unknown> | undefined)?.[name]) === argumentText(wanted),
      )
    }
  }
  const offset = wholeNumber(given.get('_offset')) ?? 0
  const count = wholeNumber(given.get('_count')) ?? left.length
  return offset === 0 && count >= left.length ? left : left.slice(offset, offset + count)
}

function wholeNumber(value: unknown): number | undefined {
  if (value === undefined) return undefined
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : raise(GRAPHQL_FAULTS.argument)
}

function holds(expression: string, type: string, value: unknown, path: PathContext): boolean {
  return evaluated(() => compile(expression, { model: fhirPathModel, type }).test(value, environment(path)))
}

/** What `@slice` puts behind a name: the place of the value, or what the path gives of it. */
export function sliceName(path: string, type: string, value: unknown, index: number, context: PathContext): string {
  if (path === '$index') return String(index)
  const [first] = evaluated(() => compile(path, { model: fhirPathModel, type })(value, environment(context)))
  return typeof first === 'string' || typeof first === 'number' || typeof first === 'boolean' ? String(first) : ''
}

function environment({ resource, now, budget }: PathContext) {
  return { resource, now, budget }
}

function evaluated<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof FhirPathError)) throw error
    return raise(error.code === 'limit' ? GRAPHQL_FAULTS.costly : GRAPHQL_FAULTS.fhirPath)
  }
}
