import { RESOURCE_TYPES } from '@salus/fhir-model'
import { assert, eventLoopTurns, type Fault, FaultError, LIMITS, raise } from '#kernel'
import { requireScope } from '../rest/require.ts'
import { openPage, type PagePlace, parseSearch, runSearch, type SearchDeps } from '../search/index.ts'
import { applyWrites, type WriteDependencies } from '../store/apply-writes.ts'
import type { Caller, Resource } from '../store/write-request.ts'
import type { Operation, OperationAnswer, OperationCall } from './operation.ts'
import { valuesOf } from './parameter-values.ts'
import { openedRows } from './referred-rows.ts'
import { storedVersion } from './stored-version.ts'

interface MetaParts {
  writes: WriteDependencies
  search: SearchDeps
}

interface Coding {
  system?: string
  code?: string
}

interface Labels {
  profile?: string[]
  security?: Coding[]
  tag?: Coding[]
}

const TYPES = RESOURCE_TYPES.filter((type) => type !== 'AuditEvent')
/** Resources opened to gather the labels of a type, or of the record: some 100 ms. */
const OPENED_MAX = LIMITS.sealedCandidatesMax
const PER_SEARCH = 500
const TYPES_PER_SEARCH = 20
/** Labels one call adds or takes away. */
const LABELS_MAX = 1_000

/**
 * Profiles, security labels and tags: `$meta` of a resource, a type or the record, `$meta-add` and `$meta-delete` of a resource.
 * Labels are sealed with their resources, so for a type and the record up to 5,000 resources are opened; beyond that it is refused.
 * http://hl7.org/fhir/R4/resource-operation-meta.html. A change makes a new version, as every other does: R4 allows tags to
 * change without one, but then nobody could tell who set a security label when. Earlier versions are not changed.
 *
 * Faults: `fhir.meta.too-many`, `.meta-missing`, `fhir.forbidden`, those of a write.
 */
export function metaOperations(parts: MetaParts): Operation[] {
  const one = (name: string, of: Pick<Operation, 'levels' | 'affectsState' | 'permission' | 'parameters' | 'run'>) => ({
    name,
    definition: `http://hl7.org/fhir/OperationDefinition/Resource-${name}`,
    types: TYPES,
    ...of,
  })
  const change = (to: Change): Pick<Operation, 'levels' | 'affectsState' | 'permission' | 'parameters' | 'run'> => ({
    levels: ['instance'],
    affectsState: true,
    permission: 'u',
    parameters: { meta: { kind: 'any' } },
    run: (call) => changed(parts, call, to),
  })
  return [
    one('meta', {
      levels: ['system', 'type', 'instance'],
      affectsState: false,
      permission: 'r',
      parameters: {},
      run: (call) => run(parts, call),
    }),
    one('meta-add', change('add')),
    one('meta-delete', change('delete')),
  ]
}

async function run(parts: MetaParts, { caller, type, instance }: OperationCall): Promise<OperationAnswer> {
  if (instance) return { status: 200, body: answered(instance.resource.meta), count: 1 }
  const types = type === undefined ? TYPES : [type]
  for (const one of types) for (const permission of ['r', 's'] as const) requireScope(caller, one, permission)
  const labels: Labels = {}
  const patients = new Set<number>()
  const turn = eventLoopTurns(parts.search.clock)
  let opened = 0
  for (let first = 0; first < types.length; first += TYPES_PER_SEARCH) {
    for await (const rows of pages(parts.search, caller, types.slice(first, first + TYPES_PER_SEARCH))) {
      opened += rows.length
      if (opened > OPENED_MAX) raise(TOO_MANY)
      for (const { row, body } of await openedRows(parts.writes.store, rows)) {
        await turn()
        add(labels, (JSON.parse(body.toString()) as Resource).meta ?? {})
        if (row.patient !== 0) patients.add(row.patient)
      }
    }
  }
  return { status: 200, body: answered(labels), patients: [...patients], count: opened }
}

async function* pages(search: SearchDeps, caller: Caller, types: readonly string[]) {
  const parameters: [string, string][] = [
    ['_sort', '_id'],
    ['_count', String(PER_SEARCH)],
  ]
  const parsed = parseSearch({ types, parameters, clock: search.clock })
  if (!parsed.ok) throw new FaultError(parsed.fault)
  let place: PagePlace | undefined
  do {
    const { matches, next } = await runSearch(search, caller, parsed.value, place ? { place } : {})
    yield matches
    const page = next === undefined ? undefined : openPage(search, caller, next)
    place = page?.ok ? page.value.place : undefined
  } while (place)
}

type Change = 'add' | 'delete'

/** Somebody else's write in between starts the change again from what is stored then. */
async function changed(parts: MetaParts, call: OperationCall, to: Change): Promise<OperationAnswer> {
  const given = labelsIn(call)
  const { caller } = call
  const { row, resource } = call.instance as NonNullable<OperationCall['instance']>
  const [type, id] = [resource.resourceType, String(resource.id)]
  let now = { version: row.version, meta: resource.meta }
  for (let attempt = 1; ; attempt++) {
    const meta = structuredClone(now.meta ?? {}) as Labels
    const isChanged = to === 'add' ? add(meta, given) : remove(meta, given)
    if (!isChanged) return { status: 200, body: answered(now.meta), count: 1 }
    const patch = { format: 'json-patch' as const, body: [{ op: 'add', path: '/meta', value: meta }] }
    try {
      const request = { action: 'patch' as const, type, id, patch, ifMatch: now.version }
      const [outcome] = await applyWrites(parts.writes, caller, [request], 'patch')
      assert(outcome?.body, 'a patch has a result')
      const stored = JSON.parse(outcome.body.toString()) as Resource
      return { status: 200, body: answered(stored.meta), count: 1 }
    } catch (error) {
      const isLost = error instanceof FaultError && error.fault.code === 'fhir.write.version-differs'
      const current =
        isLost && attempt < LIMITS.writeAttemptsMax
          ? await storedVersion(parts.writes.store, caller, { type, id })
          : undefined
      if (!current) throw error
      now = { version: current.row.version, meta: (JSON.parse(current.body.toString()) as Resource).meta }
    }
  }
}

/** Only labels: version and time are the server's. */
function labelsIn({ parameters }: OperationCall): Labels {
  const [parameter] = parameters.parameter as { valueMeta?: unknown }[]
  const meta = (parameter?.valueMeta ?? raise(META_MISSING)) as Labels
  const isMeta = valuesOf(parameters, 'meta').length === 1 && typeof meta === 'object' && !Array.isArray(meta)
  const lists = isMeta ? KINDS.map((kind) => meta[kind] ?? []) : raise(META_MISSING)
  if (lists.some((list) => !Array.isArray(list)) || lists.flat().length > LABELS_MAX) raise(META_MISSING)
  const isCoding = (one: unknown): boolean => typeof one === 'object' && one !== null && !Array.isArray(one)
  if ([...(meta.security ?? []), ...(meta.tag ?? [])].some((one) => !isCoding(one))) raise(META_MISSING)
  if ((meta.profile ?? []).some((one) => typeof one !== 'string')) raise(META_MISSING)
  return meta
}

const KINDS = ['profile', 'security', 'tag'] as const

/** Labels are the same when system and code are: http://hl7.org/fhir/R4/resource.html#simple-tags */
function keyOf(one: string | Coding): string {
  return typeof one === 'string' ? one : JSON.stringify([one.system ?? '', one.code ?? ''])
}

/** Whether anything was added. */
function add(to: Labels, given: Labels): boolean {
  let isChanged = false
  for (const kind of KINDS) {
    const there = new Set<string>((to[kind] ?? []).map(keyOf))
    const fresh = (given[kind] ?? []).filter((one) => !there.has(keyOf(one)) && there.add(keyOf(one)))
    if (fresh.length === 0) continue
    isChanged = true
    to[kind] = [...(to[kind] ?? []), ...fresh] as string[] & Coding[]
  }
  return isChanged
}

/** Whether anything was taken away. */
function remove(from: Labels, given: Labels): boolean {
  let isChanged = false
  for (const kind of KINDS) {
    const unwanted = new Set((given[kind] ?? []).map(keyOf))
    const left = ((from[kind] ?? []) as (string | Coding)[]).filter((one) => !unwanted.has(keyOf(one)))
    if (left.length === (from[kind] ?? []).length) continue
    isChanged = true
    if (left.length > 0) from[kind] = left as string[] & Coding[]
    else delete from[kind]
  }
  return isChanged
}

function answered(meta: object | undefined): object {
  return { resourceType: 'Parameters', parameter: [{ name: 'return', valueMeta: meta ?? {} }] }
}

const TOO_MANY: Fault = {
  category: 'too-costly',
  code: 'fhir.meta.too-many',
  message: `More than ${OPENED_MAX} resources would have to be opened. Ask for $meta of one type or resource; search by _tag, _security or _profile.`,
}
const META_MISSING: Fault = {
  category: 'invalid',
  code: 'fhir.meta.meta-missing',
  message: `Send the labels as {"name": "meta", "valueMeta": {"tag": [...], "security": [...], "profile": [...]}}, at most ${LABELS_MAX}.`,
}
