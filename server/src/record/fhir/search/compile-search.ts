import { typeNumber } from '@salus/fhir-model'
import type { Statement } from '#db'
import { planSearch } from './plan-search.ts'
import type { PreparedType } from './prepare-search.ts'
import { readable, type Searcher } from './readable.ts'
import { DEFAULT_ORDER } from './sort-order.ts'
import { SqlValues } from './sql-values.ts'
import type { StatementNames } from './statement-names.ts'
import { countSql, type Order, type Place, pageSql, type SqlScope, type TypeSearch } from './store.ts'

/** A statement with its values, ready for the database. */
export interface Compiled {
  statement: Statement
  values: readonly unknown[]
}

/** A page of rows in order, strictly after a place. Every row source in it comes from `readable`. */
export function compileSearch(
  types: readonly PreparedType[],
  searcher: Searcher,
  page: { after?: Place | undefined; limit: number; order?: (order: Order) => Order },
  names: StatementNames,
): Compiled {
  const values = new SqlValues()
  const planned = types.map((type) => planType(type, searcher, values, page.order))
  const text = pageSql({ searches: planned.map(({ search }) => search), after: page.after, limit: page.limit, values })
  return compiled(text, values, planned.every(({ fixed }) => fixed) ? names : undefined)
}

/** How many rows match, counted up to `max`. */
export function compileCount(
  types: readonly PreparedType[],
  searcher: Searcher,
  max: number,
  names: StatementNames,
): Compiled {
  const values = new SqlValues()
  const planned = types.map((type) => planType(type, searcher, values))
  return compiled(
    countSql({ searches: planned.map(({ search }) => search), values }, max),
    values,
    planned.every(({ fixed }) => fixed) ? names : undefined,
  )
}

/**
 * Only a statement whose shape fixes its plan is prepared: for the others PostgreSQL plans with the values in hand,
 * because a generic plan does not know a common token from a rare one.
 */
function compiled(text: string, values: SqlValues, names: StatementNames | undefined): Compiled {
  const name = names?.nameOf(text)
  return { statement: name === undefined ? { text } : { name, text }, values: values.list }
}

function planType(
  prepared: PreparedType,
  searcher: Searcher,
  values: SqlValues,
  turn?: (order: Order) => Order,
): { search: TypeSearch; fixed: boolean } {
  // A sealed sort fetches its candidates in the default order.
  const wanted = prepared.order ?? DEFAULT_ORDER
  const order = turn ? turn(wanted) : wanted
  const { plan, fixed } = planSearch(prepared.predicate, order)
  return {
    fixed,
    search: {
      plan,
      order,
      scope: scopeOf(prepared.number, searcher, values),
      source: (alias, options) => readable(searcher, prepared.type, alias, 'search', values, options),
    },
  }
}

/** What conditions on a type's rows need to know; other types they lead to pass through `readable` as well. */
export function scopeOf(
  type: number,
  searcher: Searcher,
  values: SqlValues,
): Omit<SqlScope, 'alias' | 'hideTokens' | 'values'> {
  return {
    tenant: searcher.tenant,
    type,
    rows: (other, alias) => ({
      source: readable(searcher, other, alias, 'search', values),
      type: typeNumber(other) as number,
    }),
  }
}
