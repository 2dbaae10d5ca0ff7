import { not, or, type Predicate } from './predicate.ts'
import { SEARCH_LIMITS } from './search-limits.ts'
import type { Branch, Order, SearchPlan } from './store.ts'

/** A plan, and whether its shape alone fixes how PostgreSQL runs it: only then a prepared (generic) plan is safe. */
export interface Planned {
  plan: SearchPlan
  fixed: boolean
}

/**
 * How to find the rows of one type that satisfy `predicate`, so that the cost follows the page and not the record
 * A resource's number, then its patient, then a value few have decide at once. A code
 * is walked newest first. Everything else looks at the newest rows before it asks the token index.
 */
export function planSearch(predicate: Predicate, order: Order): Planned {
  const conditions = predicate.op === 'and' ? predicate.of : [predicate]
  const has = (op: Predicate['op']): boolean => conditions.some((condition) => condition.op === op)
  if (has('never'))
    return direct([{ conditions: [{ op: 'never' }] }], { hideTokens: true, hideOrder: true, fixed: true })
  // What a chain joins, and long lists, are planned with the values in hand.
  const fixed = conditions.every(hasFewNumbers)
  if (has('rid')) return direct([{ conditions }], { hideTokens: true, hideOrder: true, fixed })
  if (conditions.some(namesPatient))
    return direct(
      splitPatient(conditions).flatMap((part) => splitCode(part, false)),
      { hideTokens: true, hideOrder: walkedBy(order) !== 'lo', fixed },
    )
  if (conditions.some((condition) => condition.op === 'tokens' && condition.rare))
    return direct([{ conditions, byTokens: true }], { hideTokens: false, hideOrder: true, fixed })
  const walk = walkedBy(order)
  if (
    has('code') &&
    walk === 'lo' &&
    conditions.every(({ op }) => op === 'code' || op === 'promoted-date') &&
    count(conditions, 'code') === 1
  )
    return direct(splitCode(conditions, true), { hideTokens: true, hideOrder: false, fixed: true })
  if (!conditions.some((condition) => isIndexed(condition, walk)))
    return {
      plan: walkPlan(walk === 'lo' ? splitOpenDate(conditions) : [{ conditions }], order),
      fixed: walk !== undefined && fixed,
    }
  const along = conditions.filter((condition) => isAlong(condition, walk))
  const filters = conditions.filter((condition) => !along.includes(condition))
  const branches = splitMixed(conditions).flatMap((part) => splitCode(part, false))
  if (walk === undefined) return direct(branches, { hideTokens: false, hideOrder: true, fixed: false })
  const reference = filters.find((condition) => condition.op === 'reference')
  const probe = {
    along,
    rows: filters.some(isSelective) ? SEARCH_LIMITS.probeSelectiveRows : SEARCH_LIMITS.probeRows,
    filters,
    ...(reference ? { unlessFew: { ...reference, rows: SEARCH_LIMITS.fewReferences } } : {}),
  }
  // A common value fills its page from the newest rows, and for a rare one there is one index: whatever the values, one way.
  const oneWay = filters.every(isToken) || filters.every(({ op }) => op === 'reference') || filters.every(isMixed)
  return {
    plan: { branches: branches.map(byTokens), hideTokens: false, hideOrder: true, probe },
    fixed: fixed && along.length === 0 && oneWay,
  }
}

function isToken({ op }: Predicate): boolean {
  return op === 'tokens'
}

/** A code, or tokens instead: `combo-code` finds a code of the resource or of one of its components. */
function isMixed(condition: Predicate): boolean {
  return condition.op === 'or' && condition.of.every(({ op }) => op === 'code' || op === 'tokens')
}

/** What only tokens decide needs no other index. */
function byTokens(branch: Branch): Branch {
  const [first, ...others] = branch.conditions
  const isSole = first?.op === 'tokens' && others.every((one) => one.op === 'tokens' || one.op === 'not')
  return isSole ? { ...branch, byTokens: true } : branch
}

/** No index answers an alternative of code and tokens as a whole, but each has its own. */
function splitMixed(conditions: Predicate[]): Predicate[][] {
  const at = conditions.findIndex(isMixed)
  const condition = conditions[at]
  const code = condition?.op === 'or' ? condition.of.find(({ op }) => op === 'code') : undefined
  if (condition?.op !== 'or' || !code || conditions.some(({ op }) => op === 'code')) return [conditions]
  const others = or(condition.of.filter((part) => part !== code))
  return [conditions.with(at, code), [others, ...conditions.toSpliced(at, 1), not(code)]]
}

function direct(branches: Branch[], options: { hideTokens: boolean; hideOrder: boolean; fixed: boolean }): Planned {
  const { fixed, ...rest } = options
  return { plan: { branches, ...rest }, fixed }
}

/** Along an index. Newest first, what starts near the bound of an open date comes before all that started earlier. */
function walkPlan(branches: Branch[], order: Order): SearchPlan {
  const [near] = branches
  const plan = { branches, hideTokens: true, hideOrder: false }
  return branches.length > 1 && near && order.ridDescending
    ? { ...plan, probe: { along: near.conditions, filters: [] } }
    : plan
}

function count(conditions: Predicate[], op: Predicate['op']): number {
  return conditions.filter((condition) => condition.op === op).length
}

/** The column whose index gives the order; undefined when none does. */
function walkedBy({ keys, ridDescending }: Order): 'lo' | 'updated' | 'rid' | undefined {
  const [first] = keys
  if (!first) return 'rid'
  return keys.length === 1 && (first.on === 'lo' || first.on === 'updated') && first.descending === ridDescending
    ? first.on
    : undefined
}

/** Conditions that an index other than the walked one answers. The opposite of something is never one. */
function isIndexed(condition: Predicate, walk: string | undefined): boolean {
  switch (condition.op) {
    case 'not':
    case 'present':
      return false
    case 'promoted-date':
    case 'updated':
      return !isAlong(condition, walk)
    default:
      return true
  }
}

/** Whether the walked index bounds the condition itself. */
function isAlong({ op }: Predicate, walk: string | undefined): boolean {
  return (op === 'promoted-date' && walk === 'lo') || (op === 'updated' && walk === 'updated')
}

function isSelective(condition: Predicate): boolean {
  return condition.op === 'tokens' && condition.selective === true
}

function namesPatient(condition: Predicate): boolean {
  return condition.op === 'patient' || (condition.op === 'or' && condition.of.some(({ op }) => op === 'patient'))
}

/** A generic plan takes a list for ten numbers long. */
const FEW_NUMBERS = 10

function hasFewNumbers(condition: Predicate): boolean {
  if (condition.op === 'patient' || condition.op === 'rid') return condition.rids.length <= FEW_NUMBERS
  if (condition.op === 'chain' || condition.op === 'has') return false
  return !(condition.op === 'and' || condition.op === 'or') || condition.of.every(hasFewNumbers)
}

/** Belonging to the patient, and being connected with the patient otherwise, are found apart. */
function splitPatient(conditions: Predicate[]): Predicate[][] {
  const at = conditions.findIndex(namesPatient)
  const condition = conditions[at] as Predicate
  if (condition.op !== 'or') return [conditions]
  const own = condition.of.find(({ op }) => op === 'patient') as Predicate
  const other = or(condition.of.filter((part) => part !== own))
  return [conditions.with(at, own), [...conditions.toSpliced(at, 1), other, not(own)]]
}

/** The first coding is a column of the resource; further ones are rows, of which most resources have none. */
function splitCode(conditions: Predicate[], walk: boolean): Branch[] {
  const at = conditions.findIndex(({ op }) => op === 'code')
  const condition = conditions[at]
  if (condition?.op !== 'code') return [{ conditions }]
  const { any } = condition
  const first: Branch = { conditions: conditions.with(at, { op: 'first-code', any }) }
  const [only] = any
  // With one code no resource can come up twice in a walk over its further codings.
  if (walk && any.length === 1 && only)
    return [
      first,
      { conditions: conditions.with(at, not({ op: 'and', of: [{ op: 'first-code', any }] })), through: only },
    ]
  const patient = conditions.find(({ op }) => op === 'patient')
  const patients = patient?.op === 'patient' ? { patients: patient.rids } : {}
  return [first, { conditions: conditions.with(at, { op: 'further-code', any, ...patients }) }]
}

/** A date after some moment: what starts about then or later lies together in the date index, long periods in their own. */
function splitOpenDate(conditions: Predicate[]): Branch[] {
  const at = conditions.findIndex(
    (condition) => condition.op === 'promoted-date' && (condition.prefix === 'gt' || condition.prefix === 'ge'),
  )
  const condition = conditions[at]
  if (condition?.op !== 'promoted-date') return [{ conditions }]
  const { lo, hi } = condition
  const prefix = condition.prefix as 'gt' | 'ge'
  return (['near-date', 'long-date'] as const).map((op) => ({
    conditions: conditions.with(at, { op, prefix, lo, hi }),
  }))
}
