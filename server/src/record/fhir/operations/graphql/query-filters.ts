import { raise } from '#kernel'
import { elementOf } from '../element-of.ts'
import { GRAPHQL_FAULTS } from './graphql-faults.ts'
import type { PathExpressions } from './path-expressions.ts'
import { argumentText } from './read-query.ts'

/** One value of an element, with what its sibling `_name` holds. */
export interface Content {
  value: unknown
  extra: unknown
}

/** What a filter stands on. */
export interface FilterContext {
  resource: unknown
  paths: PathExpressions
  /** Awaited between two values: a list may have hundreds of thousands. */
  turn(): Promise<void> | undefined
}

/**
 * The values that arguments leave of an element's: `fhirpath` (true of the value), a child element that equals (`use: official`),
 * then `_offset` and `_count`. http://hl7.org/fhir/R4/graphql.html#searching
 * Faults `fhir.graphql.argument-invalid`, `.fhirpath-invalid`, `.too-costly`.
 */
export async function filtered(
  contents: readonly Content[],
  type: string,
  given: ReadonlyMap<string, unknown>,
  context: FilterContext,
): Promise<readonly Content[]> {
  let left = contents
  for (const [name, wanted] of given) {
    if (name === '_offset' || name === '_count') continue
    const passes = filterOf(name, wanted, type, context)
    const kept: Content[] = []
    for (const content of left) {
      const pause = context.turn()
      if (pause) await pause
      if (passes(content.value)) kept.push(content)
    }
    left = kept
  }
  const offset = wholeNumber(given.get('_offset')) ?? 0
  const count = wholeNumber(given.get('_count')) ?? left.length
  return offset === 0 && count >= left.length ? left : left.slice(offset, offset + count)
}

function filterOf(name: string, wanted: unknown, type: string, context: FilterContext): (value: unknown) => boolean {
  const text = argumentText(wanted)
  if (name === 'fhirpath') return (value) => context.paths.holds(text, type, { value, resource: context.resource })
  if (!elementOf(type, name)) raise(GRAPHQL_FAULTS.argument)
  return (value) => String((value as Record<string, unknown> | undefined)?.[name]) === text
}

function wholeNumber(value: unknown): number | undefined {
  if (value === undefined) return undefined
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : raise(GRAPHQL_FAULTS.argument)
}

/** What `@slice` puts behind a name: the place of the value, or what the path gives of it. */
export function sliceName(
  path: string,
  type: string,
  { value, index }: { value: unknown; index: number },
  { paths, resource }: Pick<FilterContext, 'paths' | 'resource'>,
): string {
  if (path === '$index') return String(index)
  const first = paths.first(path, type, { value, resource })
  return typeof first === 'string' || typeof first === 'number' || typeof first === 'boolean' ? String(first) : ''
}
