import { raise } from '#kernel'
import { GRAPHQL_FAULTS, GRAPHQL_LIMITS } from './graphql-faults.ts'
import type { Marks } from './read-query.ts'

type Json = Record<string, unknown>

/**
 * Where the fields of an object go: an object of the answer, or with `@flatten` that of the parent, in which the values of all the
 * objects that are left out are collected under one name. http://hl7.org/fhir/R4/graphql.html#flatten
 */
export interface Sink {
  target: Json
  collects: boolean
  /** What `@slice` puts behind the names. */
  suffix: string
}

export function objectSink(): Sink {
  return { target: {}, collects: false, suffix: '' }
}

/** Counts what is put into an answer. */
export class AnswerBudget {
  #left: number = GRAPHQL_LIMITS.valuesMax

  spend(values = 1): void {
    this.#left -= values
    if (this.#left < 0) raise(GRAPHQL_FAULTS.costly)
  }
}

/** Put the values of a field into a sink. Fault `fhir.graphql.not-singleton`. */
export function put(
  sink: Sink,
  response: string,
  values: readonly unknown[],
  shape: { list: boolean; marks: Marks },
): void {
  if (values.length === 0) return
  const key = response + sink.suffix
  const earlier = Object.hasOwn(sink.target, key) ? sink.target[key] : undefined
  if (shape.marks.singleton) {
    const isSecond = sink.collects && earlier !== undefined
    if (values.length > 1 || isSecond) raise(GRAPHQL_FAULTS.singleton)
    sink.target[key] = merged(earlier, values[0])
  } else if (sink.collects) sink.target[key] = collected(earlier, values)
  else sink.target[key] = merged(earlier, shape.list ? [...values] : values[0])
}

/** A list in the answer was made here and is grown in place: copying it for each value would take the square of their number. */
function collected(earlier: unknown, values: readonly unknown[]): unknown[] {
  if (!Array.isArray(earlier)) return earlier === undefined ? [...values] : [earlier, ...values]
  for (const value of values) earlier.push(value)
  return earlier
}

/** The same field selected twice is one, with what both select: https://spec.graphql.org/October2021/#sec-Field-Selection-Merging */
function merged(earlier: unknown, later: unknown): unknown {
  if (Array.isArray(earlier) && Array.isArray(later) && earlier.length === later.length)
    return earlier.map((one, index) => merged(one, later[index]))
  if (!isPlain(earlier) || !isPlain(later)) return later
  const both: Json = { ...earlier }
  for (const [key, value] of Object.entries(later)) both[key] = merged(both[key], value)
  return both
}

function isPlain(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isWrittenNumber(value)
}

/** A number as it was written. */
function isWrittenNumber(value: object): boolean {
  return (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value)
}
