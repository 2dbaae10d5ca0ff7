import { type Arithmetic, arithmetic, concatenate } from './arithmetic.ts'
import type { BinaryOperator } from './ast.ts'
import { equalCollections, equalItems } from './equality.ts'
import { equivalentCollections } from './equivalence.ts'
import { union } from './functions-subset.ts'
import { EMPTY, type Item, type Items, truth } from './item.ts'
import { compareItems } from './ordering.ts'
import { condition, type Eval, type Run, type Site, single } from './run.ts'

/** The closure of a two-sided operator (http://hl7.org/fhirpath/N1/#operations). */
export function operatorEval(op: BinaryOperator, left: Eval, right: Eval, site: Site): Eval {
  switch (op) {
    case 'and':
      return logic(left, right, site.at, false, (a, b) => (a === false || b === false ? false : a && b))
    case 'or':
      return logic(left, right, site.at, true, (a, b) => (a === true || b === true ? true : a === false ? b : a))
    case 'implies':
      return logic(left, right, site.at, false, implies)
    case 'xor':
      return logic(left, right, site.at, undefined, (a, b) =>
        a === undefined || b === undefined ? undefined : a !== b,
      )
    case '<':
    case '<=':
    case '>':
    case '>=':
      return ordering(op, left, right, site)
    default:
      return collection(left, right, COLLECTION_OPERATORS[op], site)
  }
}

type Truth = boolean | undefined

/** False implies anything, so a false left side stands for true. */
function implies(a: Truth, b: Truth): Truth {
  if (a === false || b === true) return true
  return a === true ? b : undefined
}

/** Three-valued logic; the right side is not evaluated where the left side `decides`. */
function logic(left: Eval, right: Eval, at: number, decides: Truth, combine: (a: Truth, b: Truth) => Truth): Eval {
  return (run, focus) => {
    const a = condition(left(run, focus), at)
    if (a !== undefined && a === decides) return truth(combine(a, undefined))
    return truth(combine(a, condition(right(run, focus), at)))
  }
}

function ordering(op: '<' | '<=' | '>' | '>=', left: Eval, right: Eval, site: Site): Eval {
  const { at } = site
  return (run, focus) => {
    const a = single(left(run, focus), at)
    const b = single(right(run, focus), at)
    if (a === undefined || b === undefined) return EMPTY
    const order = compareItems(run, a, b, site)
    if (order === undefined) return EMPTY
    return truth(op === '<' ? order < 0 : op === '<=' ? order <= 0 : op === '>' ? order > 0 : order >= 0)
  }
}

type CollectionOperator = (run: Run, left: Items, right: Items, site: Site) => Items

const COLLECTION_OPERATORS: Record<
  Exclude<BinaryOperator, 'and' | 'or' | 'xor' | 'implies' | '<' | '<=' | '>' | '>='>,
  CollectionOperator
> = {
  '=': (run, left, right, site) => truth(equalCollections(run, left, right, site)),
  '!=': (run, left, right, site) => {
    const answer = equalCollections(run, left, right, site)
    return truth(answer === undefined ? undefined : !answer)
  },
  '~': (run, left, right, site) => truth(equivalentCollections(run, left, right, site)),
  '!~': (run, left, right, site) => truth(!equivalentCollections(run, left, right, site)),
  '|': (run, left, right, site) => union(run, left, right, site),
  in: (run, left, right, site) => membership(run, left, right, site),
  contains: (run, left, right, site) => membership(run, right, left, site),
  '+': onSingles('+'),
  '-': onSingles('-'),
  '*': onSingles('*'),
  '/': onSingles('/'),
  div: onSingles('div'),
  mod: onSingles('mod'),
  '&': (run, left, right, { at }) => concatenate(run, left, right, at),
}

function collection(left: Eval, right: Eval, apply: CollectionOperator, site: Site): Eval {
  return (run, focus) => {
    const a = left(run, focus)
    return apply(run, a, right(run, focus), site)
  }
}

function membership(run: Run, items: Items, members: Items, site: Site): Items {
  const item = single(items, site.at)
  if (item === undefined) return EMPTY
  run.spend(members.length, site.at)
  return truth(members.some((member) => equalItems(run, member, item, site) === true))
}

function onSingles(op: Arithmetic): CollectionOperator {
  return (run, left, right, site) => {
    const a = single(left, site.at)
    const b = single(right, site.at)
    if (a === undefined || b === undefined) return EMPTY
    const result: Item | undefined = arithmetic(run, op, a, b, site)
    return result === undefined ? EMPTY : [result]
  }
}
