import { int2Array, int8Array, int8ArrayOf } from '#db'
import { NO_DATE } from '../store/rows.ts'
import type { Predicate } from './predicate.ts'
import type { Prefix } from './search-request.ts'
import type { SqlValues } from './sql-values.ts'

// All SQL of the search. Values travel as parameters; the text is made of constants, aliases and placeholders alone.

/**
 * Current rows of one type of one tenant. Only `readable` calls this. `hideType`: written so that no index answers the type;
 * beside the token index the planner would otherwise read all numbers of the type and intersect them.
 */
export function resourceRows({
  tenant,
  type,
  alias,
  values,
  hideType = false,
}: {
  tenant: number
  type: number
  alias: string
  values: SqlValues
  hideType?: boolean
}): string {
  const ofType = hideType ? 'type + 0' : 'type'
  return `(select * from record.resource where tenant = ${tenantOf(values, tenant)} and ${ofType} = ${typeOf(values, type)}) ${alias}`
}

function tenantOf(values: SqlValues, tenant: number): string {
  return values.once('tenant', tenant, 'int')
}

function typeOf(values: SqlValues, type: number): string {
  return values.once(`type ${type}`, type, 'smallint')
}

/** Where a condition is written: its parameters, its tenant and type, and the way to other types' rows. */
export interface SqlScope {
  values: SqlValues
  tenant: number
  /** Number of the type whose rows `alias` stands for. */
  type: number
  alias: string
  /**
   * True: token conditions are written so that the planner cannot use the token index for them. Beside a selective
   * column it would read the whole posting list of a common token: 23 ms instead of 0.4 at 2 million rows.
   */
  hideTokens: boolean
  /** Row source and number of another type, from `readable`. */
  rows(type: string, alias: string): { source: string; type: number }
}

/** A predicate as a condition on `scope.alias`. */
export function conditionSql(predicate: Predicate, scope: SqlScope): string {
  const { alias: r, values } = scope
  switch (predicate.op) {
    case 'never':
      return 'false'
    case 'and':
      return predicate.of.length === 0 ? 'true' : predicate.of.map((part) => conditionSql(part, scope)).join(' and ')
    case 'or':
      return `(${predicate.of.map((part) => `(${conditionSql(part, scope)})`).join(' or ')})`
    case 'not':
      return `not (${conditionSql(predicate.of, scope)})`
    case 'tokens':
      return `${scope.hideTokens ? `(${r}.tokens || '{}')` : `${r}.tokens`} ${predicate.any.length === 1 ? '@>' : '&&'} ${tokenArray(predicate.any, values)}`
    case 'code':
      return `(coalesce(${equalsAny(`${r}.code`, predicate.any, values)}, false) or ${furtherCode(predicate.any, scope)})`
    case 'first-code':
      return equalsAny(`${r}.code`, predicate.any, values)
    case 'further-code':
      return `(${equalsAny(`${r}.code`, predicate.any, values)}) is not true and ${furtherCode(predicate.any, scope, predicate.patients)}`
    case 'rid':
      return equalsNumber(`${r}.rid`, predicate.rids, values)
    case 'patient':
      return equalsNumber(`${r}.patient`, predicate.rids, values)
    case 'present':
      return `${r}.present & ${values.add(predicate.mask, 'bigint')} ${predicate.present ? '<>' : '='} 0`
    case 'promoted-date':
      return dateSql(`${r}.lo`, `${r}.hi`, predicate, values)
    case 'updated':
      return dateSql(`${r}.updated`, `${r}.updated`, predicate, values)
    case 'near-date':
      return `${dateSql(`${r}.lo`, `${r}.hi`, predicate, values)} and ${r}.lo >= ${values.add(predicate.lo - LONG_MS, 'bigint')}`
    case 'long-date':
      return `${r}.hi - ${r}.lo > ${LONG_MS} and ${r}.hi > ${values.add(predicate.hi, 'bigint')} and ${r}.lo < ${values.add(predicate.lo - LONG_MS, 'bigint')}`
    default:
      return rowsSql(predicate, scope)
  }
}

/** Periods longer than a day are few; index resource_long holds them by their end. */
const LONG_MS = 86_400_000

type RowPredicate = Extract<Predicate, { op: 'reference' | 'chain' | 'has' | 'date' | 'quantity' }>

/** Conditions on rows of other tables. */
function rowsSql(predicate: RowPredicate, scope: SqlScope): string {
  const { alias: r, values } = scope
  const tenant = tenantOf(values, scope.tenant)
  switch (predicate.op) {
    case 'reference':
      return `exists (select 1 from record.reference f where f.tenant = ${tenant} and f.src = ${r}.rid and ${equalsParam('f.param', predicate.params, values)} and ${equalsNumber('f.target', predicate.targets, values)})`
    case 'date':
      return `exists (select 1 from record.date d where d.tenant = ${tenant} and d.src = ${r}.rid and ${equalsParam('d.param', [predicate.param], values)} and ${dateSql('d.lo', 'd.hi', predicate, values)})`
    case 'quantity': {
      const unit = predicate.unit === undefined ? '' : ` and q.unit = ${values.add(signed(predicate.unit), 'bigint')}`
      return `exists (select 1 from record.quantity q where q.tenant = ${tenant} and q.src = ${r}.rid and ${equalsParam('q.param', predicate.params, values)}${unit} and ${numberSql(`q.${predicate.column}`, predicate, values)})`
    }
    case 'chain': {
      const [t, f] = [`${r}t`, `${r}f`]
      const { inner, source, type } = farEnd(predicate, scope, t)
      if (predicate.param === 'patient')
        return `exists (select 1 from ${source} where ${t}.rid = ${r}.patient and ${inner})`
      return `exists (select 1 from record.reference ${f} join ${source} on ${t}.rid = ${f}.target where ${f}.tenant = ${tenant} and ${f}.src = ${r}.rid and ${equalsParam(`${f}.param`, [predicate.param], values)} and ${f}.target_type = ${typeOf(values, type)} and ${inner})`
    }
    case 'has': {
      const [t, f] = [`${r}t`, `${r}f`]
      const { inner, source } = farEnd(predicate, scope, t)
      if (predicate.param === 'patient')
        return `exists (select 1 from ${source} where ${t}.patient = ${r}.rid and ${inner})`
      return `exists (select 1 from record.reference ${f} join ${source} on ${t}.rid = ${f}.src where ${f}.tenant = ${tenant} and ${f}.target = ${r}.rid and ${equalsParam(`${f}.param`, [predicate.param], values)} and ${inner})`
    }
  }
}

/**
 * The rows at the far end of a chain and the condition on them, under an alias that no outer row has. Its tokens are hidden:
 * few matches at that end were found beforehand and named by number, so the tokens that are left are common ones.
 */
function farEnd(
  predicate: Extract<Predicate, { op: 'chain' | 'has' }>,
  scope: SqlScope,
  alias: string,
): { source: string; type: number; inner: string } {
  const { source, type } = scope.rows(predicate.type, alias)
  return { source, type, inner: conditionSql(predicate.of, { ...scope, alias, type, hideTokens: true }) }
}

function furtherCode(codes: Buffer[], { alias: r, values, tenant, type }: SqlScope, patients?: number[]): string {
  const ofPatients = patients ? ` and ${equalsNumber('c.patient', patients, values)}` : ''
  return `${r}.rid in (select c.rid from record.code c where c.tenant = ${tenantOf(values, tenant)} and c.type = ${typeOf(values, type)} and ${equalsAny('c.code', codes, values)}${ofPatients})`
}

function signed(token: Buffer): bigint {
  return token.readBigInt64BE()
}

function tokenArray(tokens: Buffer[], values: SqlValues): string {
  return values.add(int8ArrayOf(tokens), 'bigint[]')
}

/** One value is compared by `=`, because a list would cost the index its order. */
function equalsAny(column: string, tokens: Buffer[], values: SqlValues): string {
  const [first] = tokens
  return tokens.length === 1 && first
    ? `${column} = ${values.add(signed(first), 'bigint')}`
    : `${column} = any(${tokenArray(tokens, values)})`
}

function equalsNumber(column: string, numbers: number[], values: SqlValues): string {
  return numbers.length === 1
    ? `${column} = ${values.add(numbers[0], 'bigint')}`
    : `${column} = any(${values.add(int8Array(numbers), 'bigint[]')})`
}

function equalsParam(column: string, params: number[], values: SqlValues): string {
  return params.length === 1
    ? `${column} = ${values.add(params[0], 'smallint')}`
    : `${column} = any(${values.add(int2Array(params), 'smallint[]')})`
}

/**
 * `dateSatisfies` in SQL. Each comparison names `lo` with a bound where one follows, so that the index on it can be
 * used; rows without a date (both ends NO_DATE) satisfy none.
 */
function dateSql(lo: string, hi: string, query: { prefix: Prefix; lo: number; hi: number }, values: SqlValues): string {
  const sent: { a?: string; b?: string } = {}
  const a = (): string => (sent.a ??= values.add(query.lo, 'bigint'))
  const b = (): string => (sent.b ??= values.add(query.hi, 'bigint'))
  const dated = `${lo} <> ${NO_DATE}`
  switch (query.prefix) {
    case 'eq':
      return `${lo} >= ${a()} and ${lo} <= ${b()} and ${hi} <= ${b()}`
    case 'ne':
      return `not (${lo} >= ${a()} and ${hi} <= ${b()}) and ${dated}`
    case 'gt':
      return `${hi} > ${b()}`
    case 'lt':
      return `${lo} < ${a()} and ${dated}`
    case 'ge':
      return `(${hi} > ${b()} or ${lo} >= ${a()})`
    case 'le':
      return `(${lo} < ${a()} or ${hi} <= ${b()}) and ${lo} <= ${b()} and ${dated}`
    case 'sa':
      return `${lo} > ${b()}`
    case 'eb':
      return `${hi} < ${a()} and ${lo} < ${a()} and ${dated}`
    case 'ap':
      return `${lo} <= ${b()} and ${hi} >= ${a()}`
  }
}

function numberSql(
  column: string,
  query: { prefix: Prefix; value: number; lo: number; hi: number },
  values: SqlValues,
): string {
  const of = (value: number): string => values.add(value, 'float8')
  switch (query.prefix) {
    case 'eq':
      return `${column} >= ${of(query.lo)} and ${column} < ${of(query.hi)}`
    case 'ne':
      return `not (${column} >= ${of(query.lo)} and ${column} < ${of(query.hi)})`
    case 'ap':
      return `${column} >= ${of(query.lo)} and ${column} <= ${of(query.hi)}`
    case 'gt':
    case 'sa':
      return `${column} > ${of(query.value)}`
    case 'lt':
    case 'eb':
      return `${column} < ${of(query.value)}`
    case 'ge':
      return `${column} >= ${of(query.value)}`
    case 'le':
      return `${column} <= ${of(query.value)}`
  }
}

/** What matches are sorted by. Dates and numbers of other parameters are looked up row by row. */
export type OrderKey =
  | { on: 'lo'; descending: boolean }
  | { on: 'updated'; descending: boolean }
  | { on: 'date' | 'number'; param: number; descending: boolean }

/** A total order: the keys, then the resource's number. */
export interface Order {
  keys: OrderKey[]
  ridDescending: boolean
}

/** A place in an order: the keys of a row and its number. The next page holds what comes strictly after it. */
export interface Place {
  keys: readonly number[]
  rid: number
}

/** One way to find rows. Branches of a search never find the same row twice. */
export interface Branch {
  conditions: Predicate[]
  /** Walk the further codings with this token, newest first, instead of the resources. */
  through?: Buffer
  /** It is found by the token index alone. */
  byTokens?: boolean
}

/** How one type is searched. */
export interface SearchPlan {
  branches: Branch[]
  hideTokens: boolean
  /** Write the order so that no index gives it: for conditions that leave few rows, which are then all sorted. */
  hideOrder: boolean
  /**
   * Try this first and ask the branches only when it does not fill the page: the rows that satisfy `along`, in the order
   * of an index, of these the first `rows` (or all), and of these the ones that satisfy `filters`.
   */
  probe?: { along: Predicate[]; rows?: number; filters: Predicate[]; unlessFew?: FewReferences }
}

/** A reference few resources make: these are found at once, so that nothing needs to be tried first. */
export interface FewReferences {
  params: number[]
  targets: number[]
  /** What counts as few. */
  rows: number
}

/** A planned search of one type. `order` sorts all types of a search alike, each by its own columns. */
export interface TypeSearch {
  plan: SearchPlan
  order: Order
  scope: Omit<SqlScope, 'alias' | 'hideTokens' | 'values'>
  source(alias: string, options?: { hideType?: boolean }): string
}

export interface PageQuery {
  searches: TypeSearch[]
  after: Place | undefined
  limit: number
  values: SqlValues
}

const COLUMNS = ['type', 'rid', 'patient', 'version', 'updated', 'sealed'] as const

/** Rows of a page: the columns of COLUMNS, then the sort keys. */
export function pageSql(query: PageQuery): string {
  const limit = query.values.once('limit', query.limit, 'int')
  const parts = query.searches.flatMap((search) =>
    search.plan.probe
      ? [probedSql(search, query, limit)]
      : search.plan.branches.map((branch) => branchSql(search, branch, query, limit)),
  )
  if (parts.length === 1) return parts[0] as string
  return `select * from (${parts.map((part) => `(${part})`).join(' union all ')}) u ${outerOrder(query.searches[0]?.order as Order)} limit ${limit}`
}

/** How many rows match, counted up to `max`. */
export function countSql({ searches, values }: Pick<PageQuery, 'searches' | 'values'>, max: number): string {
  const parts = searches.flatMap((search) =>
    search.plan.branches.map((branch) => {
      const scope: SqlScope = { ...search.scope, values, alias: 'r', hideTokens: search.plan.hideTokens }
      return `select 1 from ${branchFrom(search, branch, values)} ${conditionsSql(branch.conditions, scope)}`
    }),
  )
  return `select count(*) from (${parts.join(' union all ')} limit ${values.add(max, 'int')}) u`
}

/** The planner's estimate of the rows that `text` yields, as JSON. */
export function estimateSql(text: string): string {
  return `explain (format json) ${text}`
}

function branchSql(
  search: TypeSearch,
  branch: Branch,
  { after, values }: PageQuery,
  limit: string,
  condition = '',
): string {
  const { plan, order } = search
  const scope: SqlScope = { ...search.scope, values, alias: 'r', hideTokens: plan.hideTokens }
  const terms = orderTerms(order, branch.through ? 'c' : 'r', plan.hideOrder && !branch.through, scope)
  const from = branchFrom(search, branch, values)
  const wanted = [conditionsSql(branch.conditions, scope), ...afterSql(terms, after, values)].join(' and ')
  return `select ${columns('r', terms)} from ${from} ${wanted}${condition} ${innerOrder(terms)} limit ${limit}`
}

/** Where the rows of a branch come from, up to the `where` or `and` before its conditions. */
function branchFrom({ scope, source }: TypeSearch, branch: Branch, values: SqlValues): string {
  if (!branch.through) return `${source('r', { hideType: branch.byTokens === true })} where`
  const [tenant, type] = [tenantOf(values, scope.tenant), typeOf(values, scope.type)]
  return `record.code c join ${source('r')} on r.rid = c.rid where c.tenant = ${tenant} and c.type = ${type} and c.code = ${values.add(signed(branch.through), 'bigint')} and`
}

/**
 * The newest rows in order, filtered; when they do not fill the page, everything. So neither a common value (whose
 * posting list is long) nor a rare one (for which a walk would never end) is slow.
 */
function probedSql(search: TypeSearch, query: PageQuery, limit: string): string {
  const { plan, order, source } = search
  const { values, after } = query
  const probe = plan.probe as NonNullable<SearchPlan['probe']>
  const walk: SqlScope = { ...search.scope, values, alias: 'r', hideTokens: true }
  const walked = orderTerms(order, 'r', false, walk)
  const along = [conditionsSql(probe.along, walk), ...afterSql(walked, after, values)].join(' and ')
  const gate = probe.unlessFew ? ` and ${manySql(probe.unlessFew, walk)}` : ''
  const first = `select r.* from ${source('r')} where ${along}${gate} ${innerOrder(walked)} limit ${probe.rows ?? limit}`
  const filtered = { ...walk, alias: 'w' }
  const near = probe.rows
    ? `select w.* from (${first}) w where ${conditionsSql(probe.filters, filtered)} ${innerOrder(orderTerms(order, 'w', false, filtered))} limit ${limit}`
    : first
  const full = '(select count(*) from near) >= '
  const rest = plan.branches.map((branch) => `(${branchSql(search, branch, query, limit, ` and not ${full}${limit}`)})`)
  const nearTerms = orderTerms(order, 'n', false, { ...walk, alias: 'n' })
  return `with near as materialized (${near}) select * from ((select ${columns('n', nearTerms)} from near n where ${full}${limit}) union all ${rest.join(' union all ')}) u ${outerOrder(order)} limit ${limit}`
}

/** Whether more than a few resources refer to these; looked at once for the whole statement. */
function manySql({ params, targets, rows }: FewReferences, { values, tenant }: SqlScope): string {
  return `(select count(*) from (select 1 from record.reference g where g.tenant = ${tenantOf(values, tenant)} and ${equalsNumber('g.target', targets, values)} and ${equalsParam('g.param', params, values)} limit ${rows}) few) = ${rows}`
}

function conditionsSql(conditions: Predicate[], scope: SqlScope): string {
  return conditionSql({ op: 'and', of: conditions }, scope)
}

interface Term {
  sql: string
  cast: 'bigint' | 'float8'
  descending: boolean
}

/** The keys and the number, as SQL on `alias`. */
function orderTerms(order: Order, alias: string, hide: boolean, { values, tenant }: SqlScope): Term[] {
  const keys = order.keys.map((key): Term => {
    const { descending } = key
    if (key.on === 'lo' || key.on === 'updated')
      return { sql: hide ? `(${alias}.${key.on} + 0)` : `${alias}.${key.on}`, cast: 'bigint', descending }
    const param = values.once(`param ${key.param}`, key.param, 'smallint')
    const extreme = descending ? 'max' : 'min'
    const where = `where x.tenant = ${tenantOf(values, tenant)} and x.src = ${alias}.rid and x.param = ${param}`
    if (key.on === 'date')
      return {
        sql: `coalesce((select ${extreme}(x.lo) from record.date x ${where}), ${NO_DATE})`,
        cast: 'bigint',
        descending,
      }
    return {
      sql: `coalesce((select ${extreme}(x.canon) from record.quantity x ${where}), ${-Number.MAX_VALUE})`,
      cast: 'float8',
      descending,
    }
  })
  return [...keys, { sql: `${alias}.rid`, cast: 'bigint', descending: order.ridDescending }]
}

function columns(alias: string, terms: Term[]): string {
  return [
    ...COLUMNS.map((column) => `${alias}.${column}`),
    ...terms.slice(0, -1).map((term, index) => `${term.sql} as k${index}`),
  ].join(', ')
}

function innerOrder(terms: Term[]): string {
  return `order by ${terms.map((term) => `${term.sql} ${term.descending ? 'desc' : 'asc'}`).join(', ')}`
}

function outerOrder(order: Order): string {
  const direction = (descending: boolean): string => (descending ? 'desc' : 'asc')
  return `order by ${[...order.keys.map((key, index) => `k${index} ${direction(key.descending)}`), `rid ${direction(order.ridDescending)}`].join(', ')}`
}

/** Strictly after `place`. Keys of one direction are compared as a row, which an index on them can answer. */
function afterSql(terms: Term[], place: Place | undefined, values: SqlValues): string[] {
  if (!place) return []
  const at = terms.map((term, index) =>
    values.once(`after ${index}`, index < place.keys.length ? place.keys[index] : place.rid, term.cast),
  )
  if (terms.every((term) => term.descending === terms[0]?.descending))
    return [`(${terms.map((term) => term.sql).join(', ')}) ${terms[0]?.descending ? '<' : '>'} (${at.join(', ')})`]
  const steps = terms.map((term, index) => {
    const same = terms.slice(0, index).map((earlier, place) => `${earlier.sql} = ${at[place]}`)
    return [...same, `${term.sql} ${term.descending ? '<' : '>'} ${at[index]}`].join(' and ')
  })
  return [`(${steps.map((step) => `(${step})`).join(' or ')})`]
}

/** Numbers and types of what resources refer to, by one parameter or by any, at most `limit`. */
export function targetsSql(query: {
  tenant: number
  sources: number[]
  param?: number
  targetType?: number
  limit: number
  values: SqlValues
}): string {
  const { values } = query
  const ofType =
    query.targetType === undefined ? '' : ` and f.target_type = ${values.add(query.targetType, 'smallint')}`
  const byParam = query.param === undefined ? '' : ` and f.param = ${values.add(query.param, 'smallint')}`
  return `select distinct f.target_type, f.target from record.reference f where f.tenant = ${tenantOf(values, query.tenant)} and f.src = any(${values.add(int8Array(query.sources), 'bigint[]')})${byParam}${ofType} limit ${values.add(query.limit, 'int')}`
}

/** Parameters and numbers of what refers to resources by any parameter, at most `limit`. */
export function sourcesSql(query: { tenant: number; targets: number[]; limit: number; values: SqlValues }): string {
  const { values } = query
  return `select distinct f.param, f.src from record.reference f where f.tenant = ${tenantOf(values, query.tenant)} and f.target = any(${values.add(int8Array(query.targets), 'bigint[]')}) limit ${values.add(query.limit, 'int')}`
}

/** Of row sources under the alias `r`, the numbers of those that hold something of the patients. */
export function sourcesOfPatientsSql(sources: readonly string[], patients: number[], values: SqlValues): string {
  const wanted = values.add(int8Array(patients), 'bigint[]')
  return sources
    .map((source, index) => `(select ${index} from ${source} where r.patient = any(${wanted}) limit 1)`)
    .join(' union all ')
}

/** Rows of `source` that satisfy `predicate`, newest first, at most `limit`; the columns of COLUMNS. */
export function rowsSqlOf(predicate: Predicate, scope: SqlScope & { source: string }, limit: number): string {
  return `select ${COLUMNS.map((column) => `${scope.alias}.${column}`).join(', ')} from ${scope.source} where ${conditionSql(predicate, scope)} order by ${scope.alias}.rid desc limit ${scope.values.add(limit, 'int')}`
}

/**
 * Of the rows that satisfy `predicate` the newest `max` of each first coding, and the newest `uncodedMax` without one: number,
 * code as text, start. The window reads narrow columns of one patient's rows; their bodies stay where they are.
 */
export function newestPerCodeSql(
  predicate: Predicate,
  scope: SqlScope & { source: string },
  { max, uncodedMax, limit }: { max: number; uncodedMax: number; limit: number },
): string {
  const { alias: r, values } = scope
  const ranked = `select ${r}.rid, ${r}.code, ${r}.lo, row_number() over (partition by ${r}.code order by ${r}.lo desc, ${r}.rid desc) as place from ${scope.source} where ${conditionSql(predicate, scope)}`
  return `select n.rid, n.code::text, n.lo from (${ranked}) n where n.place <= case when n.code is null then ${values.add(uncodedMax, 'int')} else ${values.add(max, 'int')} end order by n.lo desc, n.rid desc limit ${values.add(limit, 'int')}`
}

/** Which codings stand beside which first coding on the rows that satisfy `predicate`, as text. */
export function codingPairsSql(predicate: Predicate, scope: SqlScope & { source: string }, limit: number): string {
  const { alias: r, values } = scope
  return `select distinct ${r}.code::text, c.code::text from ${scope.source} join record.code c on c.tenant = ${tenantOf(values, scope.tenant)} and c.type = ${typeOf(values, scope.type)} and c.rid = ${r}.rid where ${conditionSql(predicate, scope)} limit ${values.add(limit, 'int')}`
}
