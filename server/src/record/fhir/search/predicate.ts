import type { Prefix } from './search-request.ts'

/**
 * What a search asks of the index rows of one resource type, with values already keyed and references already numbers.
 * `store.ts` writes each as SQL.
 */
export type Predicate =
  | { op: 'never' }
  | { op: 'and' | 'or'; of: Predicate[] }
  | { op: 'not'; of: Predicate }
  /** At least one of these tokens. `rare`: few resources have them; `selective`: seldom more than some in a hundred. */
  | { op: 'tokens'; any: Buffer[]; rare: boolean; selective?: boolean }
  /** At least one of these codings of the promoted code parameter. */
  | { op: 'code'; any: Buffer[] }
  /** Made by the planner, the two halves of `code`: the first coding, and only a further one (of these patients). */
  | { op: 'first-code'; any: Buffer[] }
  | { op: 'further-code'; any: Buffer[]; patients?: number[] }
  | { op: 'rid'; rids: number[] }
  | { op: 'patient'; rids: number[] }
  | { op: 'reference'; params: number[]; targets: number[] }
  /** The resource referred to (by the owner column, or by rows of `param`) is of `type` and satisfies `of`. */
  | { op: 'chain'; param: number | 'patient'; type: string; of: Predicate }
  /** Some resource of `type` refers to this one (by its owner column, or by rows of `param`) and satisfies `of`. */
  | { op: 'has'; param: number | 'patient'; type: string; of: Predicate }
  | { op: 'present'; mask: bigint; present: boolean }
  | { op: 'promoted-date' | 'updated'; prefix: Prefix; lo: number; hi: number }
  /** Made by the planner, the two halves of an open-ended promoted date: it starts near or after the bound; or it is long and started earlier. */
  | { op: 'near-date' | 'long-date'; prefix: 'gt' | 'ge'; lo: number; hi: number }
  | { op: 'date'; param: number; prefix: Prefix; lo: number; hi: number }
  /** `canon` compares in canonical units and wants `unit`; `value` compares as written. */
  | {
      op: 'quantity'
      params: number[]
      column: 'canon' | 'value'
      unit?: Buffer
      prefix: Prefix
      value: number
      lo: number
      hi: number
    }

/** True of every resource. */
export const ALWAYS: Predicate = { op: 'and', of: [] }
export const NEVER: Predicate = { op: 'never' }

export function and(of: Predicate[]): Predicate {
  const parts = of.flatMap((part) => (part.op === 'and' ? part.of : [part]))
  if (parts.some((part) => part.op === 'never')) return NEVER
  return parts.length === 1 ? (parts[0] as Predicate) : { op: 'and', of: parts }
}

/** Tokens, codings, patients and the like of several alternatives become one condition. */
export function or(of: Predicate[]): Predicate {
  const parts: Predicate[] = []
  for (const part of of.flatMap((one) => (one.op === 'or' ? one.of : [one]))) {
    if (part.op === 'never') continue
    if (part.op === 'and' && part.of.length === 0) return ALWAYS
    // What is added to is a copy of our own: a value set of thousands of codes is joined without copying what it has so far.
    if (!parts.some((other) => takesIn(other, part))) parts.push(ownCopy(part))
  }
  return parts.length === 0 ? NEVER : parts.length === 1 ? (parts[0] as Predicate) : { op: 'or', of: parts }
}

export function not(of: Predicate): Predicate {
  if (of.op === 'never') return ALWAYS
  return of.op === 'and' && of.of.length === 0 ? NEVER : { op: 'not', of }
}

function ownCopy(part: Predicate): Predicate {
  switch (part.op) {
    case 'tokens':
    case 'code':
      return { ...part, any: [...part.any] }
    case 'rid':
    case 'patient':
      return { ...part, rids: [...part.rids] }
    case 'reference':
      return { ...part, targets: [...part.targets] }
    default:
      return part
  }
}

/** Whether `into` became the alternative of both. */
function takesIn(into: Predicate, part: Predicate): boolean {
  if (into.op === 'tokens' && part.op === 'tokens') {
    into.rare &&= part.rare
    into.selective = into.selective === true && part.selective === true
    return append(into.any, part.any)
  }
  if (into.op === 'code' && part.op === 'code') return append(into.any, part.any)
  if (into.op === 'rid' && part.op === 'rid') return append(into.rids, part.rids)
  if (into.op === 'patient' && part.op === 'patient') return append(into.rids, part.rids)
  if (into.op === 'reference' && part.op === 'reference' && into.params.join() === part.params.join())
    return append(into.targets, part.targets)
  return false
}

function append<T>(into: T[], values: readonly T[]): true {
  for (const value of values) into.push(value)
  return true
}
