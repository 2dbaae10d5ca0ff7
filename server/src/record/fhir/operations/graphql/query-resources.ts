import { isResourceType, searchParameters, typeName, typeNumber } from '@salus/fhir-model'
import { FaultError, raise } from '#kernel'
import { requireScope } from '../../rest/require.ts'
import { openPage, type Page, parseSearch, runSearch, type SearchDeps } from '../../search/index.ts'
import type { RecordStore } from '../../store/record-store.ts'
import { ResolvedIds } from '../../store/resolve-ids.ts'
import type { StoredRow } from '../../store/rows.ts'
import type { Caller, Resource } from '../../store/write-request.ts'
import { parseTagged } from '../../store/written-numbers.ts'
import { openedRows } from '../referred-rows.ts'
import { GRAPHQL_FAULTS, GRAPHQL_LIMITS } from './graphql-faults.ts'
import { argumentText } from './read-query.ts'

/** What a search of a query found. */
export interface Found {
  resources: Resource[]
  total?: number
  pageSize: number
  next?: string
  previous?: string
}

/** Reads and searches for one query: counts them, and remembers whose data was opened. */
export class QueryResources {
  readonly patients = new Set<number>()
  opened = 0
  readonly #store: RecordStore
  readonly #search: SearchDeps
  readonly #caller: Caller
  readonly #known = new Map<string, Resource | undefined>()
  #lookUps = 0
  #bytes = 0

  constructor({ store, search, caller }: { store: RecordStore; search: SearchDeps; caller: Caller }) {
    this.#store = store
    this.#search = search
    this.#caller = caller
  }

  /** A resource that was opened already: the one of the address. */
  take(row: StoredRow, resource: Resource): void {
    this.opened++
    if (row.patient !== 0) this.patients.add(row.patient)
    this.#known.set(`${resource.resourceType}/${resource.id}`, resource)
  }

  /** Fault `fhir.forbidden`: for a type that is asked for by its name. */
  requireRead(type: string): void {
    requireScope(this.#caller, type, 'r')
  }

  /** The current version; undefined when there is none or the caller may not read the type: the answer is the same. */
  async read(type: string, id: string): Promise<Resource | undefined> {
    if (!this.#caller.scopes.allows(type, 'r') || type === 'AuditEvent') return undefined
    const name = `${type}/${id}`
    if (this.#known.has(name)) return this.#known.get(name)
    this.#countLookUp()
    const ids = new ResolvedIds(this.#store, this.#caller.tenant)
    await ids.resolve([{ type, id }], { create: false })
    const rid = ids.rid(type, id)
    const key = { tenant: this.#caller.tenant, type: typeNumber(type) as number }
    const row = rid === undefined ? undefined : await this.#store.current({ ...key, rid })
    const [resource] = row ? await this.#open([row]) : []
    this.#known.set(name, resource)
    return resource
  }

  /** A search of one type; `given` are its parameters as arguments. Faults `fhir.forbidden` and those of the search. */
  async search(type: string, given: ReadonlyMap<string, unknown>, options: { count: boolean }): Promise<Found> {
    for (const permission of ['r', 's'] as const) requireScope(this.#caller, type, permission)
    this.#countLookUp()
    const { request, ...place } = this.#pageOf(type, given, options.count)
    const answer = await runSearch(this.#search, this.#caller, request, place)
    return {
      resources: await this.#open(answer.matches),
      pageSize: request.count,
      ...(answer.total === undefined ? {} : { total: answer.total }),
      ...(answer.next === undefined ? {} : { next: answer.next }),
      ...(answer.previous === undefined ? {} : { previous: answer.previous }),
    }
  }

  #pageOf(type: string, given: ReadonlyMap<string, unknown>, count: boolean): Pick<Page, 'request'> & Partial<Page> {
    const cursor = given.get('_cursor')
    if (cursor !== undefined) {
      if (given.size > 1 || typeof cursor !== 'string') raise(GRAPHQL_FAULTS.argument)
      const page = openPage(this.#search, this.#caller, cursor)
      if (!page.ok) throw new FaultError(page.fault)
      return page.value.request.types.join() === type ? page.value : raise(GRAPHQL_FAULTS.argument)
    }
    const parameters = searchText(type, given)
    if (count) parameters.push(['_total', 'accurate'])
    const base = this.#search.base === undefined ? {} : { base: this.#search.base }
    const parsed = parseSearch({ types: [type], parameters, clock: this.#search.clock, ...base })
    if (!parsed.ok) throw new FaultError(parsed.fault)
    const { includes, output } = parsed.value
    // They say how a Bundle is to look; here the query says it.
    if (includes.length > 0 || Object.keys(output).length > 0) raise(GRAPHQL_FAULTS.argument)
    return { request: parsed.value }
  }

  async #open(rows: readonly StoredRow[]): Promise<Resource[]> {
    this.#bytes += rows.reduce((sum, { sealed }) => sum + sealed.length, 0)
    this.opened += rows.length
    if (this.opened > GRAPHQL_LIMITS.resourcesMax || this.#bytes > GRAPHQL_LIMITS.bytesMax) raise(GRAPHQL_FAULTS.costly)
    const found: Resource[] = []
    for (const { row, body } of await openedRows(this.#store, rows)) {
      if (row.patient !== 0) this.patients.add(row.patient)
      const resource = parseTagged(body.toString()) as Resource
      this.#known.set(`${typeName(row.type)}/${resource.id}`, resource)
      found.push(resource)
      await new Promise<void>((next) => setImmediate(next))
    }
    return found
  }

  #countLookUp(): void {
    if (++this.#lookUps > GRAPHQL_LIMITS.lookUpsMax) raise(GRAPHQL_FAULTS.costly)
  }
}

/** The type of a field like `PatientList` or `PatientConnection`, and which of the two. */
export function searchField(name: string): { type: string; kind: 'List' | 'Connection' } | undefined {
  const [, type = '', kind] = /^([A-Za-z]+?)(List|Connection)$/.exec(name) ?? []
  return isResourceType(type) ? { type, kind: kind as 'List' | 'Connection' } : undefined
}

/** Names in GraphQL have no dash: `general_practitioner` is `general-practitioner`. A list of values repeats the parameter. */
function searchText(type: string, given: ReadonlyMap<string, unknown>): [string, string][] {
  return [...given].flatMap(([name, value]) => {
    const code = searchParameters(type).has(name) || name.startsWith('_') ? name : name.replaceAll('_', '-')
    const values = Array.isArray(value) ? (value as unknown[]) : [value]
    return values.map((one): [string, string] => [code, argumentText(one)])
  })
}
