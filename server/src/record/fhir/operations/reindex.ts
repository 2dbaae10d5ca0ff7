import { RESOURCE_TYPES, typeName, typeNumber } from '@salus/fhir-model'
import { type Fault, raise } from '#kernel'
import { whyUnused } from '../parameters/parameter-row.ts'
import { askReindex, jobsOf, openJobsOf, type ReindexJob } from '../reindex/store.ts'
import type { RecordStore } from '../store/record-store.ts'
import type { Operation, OperationCall } from './operation.ts'

/** Jobs of a tenant that wait or run: each walks through what is stored, so more of them only take longer. */
const OPEN_MAX = 10
const TOO_MANY: Fault = {
  category: 'busy',
  code: 'fhir.reindex.too-many',
  message: `${OPEN_MAX} jobs of this tenant wait or run already. See $salus-reindex-state, and ask again when one has ended.`,
}
/** Jobs that the state lists: the newest. */
const LISTED_MAX = 20
const SYSTEM_TYPES = ['SearchParameter', ...RESOURCE_TYPES.filter((type) => type !== 'SearchParameter')]

/**
 * `$reindex`: make the index rows of what is stored anew, in the background, after a definition or Salus itself has changed.
 * `$salus-reindex-state`: how far the tenant's jobs are; at a SearchParameter, whether it is searched by.
 */
export function reindexOperations(store: RecordStore): Operation[] {
  return [
    {
      name: 'reindex',
      definition: 'https://salus.health/fhir/OperationDefinition/reindex',
      levels: ['system', 'type'],
      types: SYSTEM_TYPES,
      affectsState: true,
      permission: 'u',
      parameters: { type: { kind: 'text', many: true } },
      run: (call) => reindex(store, call),
    },
    {
      name: 'salus-reindex-state',
      definition: 'https://salus.health/fhir/OperationDefinition/salus-reindex-state',
      levels: ['system', 'instance'],
      types: ['SearchParameter'],
      affectsState: false,
      permission: 'r',
      parameters: {},
      run: (call) => (call.instance ? stateOf(store, call) : states(store, call)),
    },
  ]
}

async function reindex(store: RecordStore, { caller, type, parameters }: OperationCall) {
  const wanted = type === undefined ? named(parameters) : [type]
  const types = wanted.length > 0 ? wanted : RESOURCE_TYPES
  for (const one of types)
    if (!caller.scopes.allows(one, 'u'))
      raise({
        category: 'forbidden',
        code: 'fhir.reindex.forbidden',
        message:
          'Indexing a type again needs the scope to update it. Name the types you may update with the parameter type.',
      })
  const numbers = types.map((one) => typeNumber(one) as number).sort((a, b) => a - b)
  const open = await openJobsOf(store.database, caller.tenant)
  const same = open.find((one) => one.state === 'waiting' && one.types.join() === numbers.join())
  if (!same && open.length >= OPEN_MAX) raise(TOO_MANY)
  const now = store.clock.now()
  const job = same ?? (await askReindex(store.database, { tenant: caller.tenant, types: numbers, numbers: [], now }))
  return { status: 200, body: { resourceType: 'Parameters', parameter: [jobParameter(job)] } }
}

function named(parameters: object): string[] {
  const { parameter = [] } = parameters as { parameter?: { name: string; [value: string]: unknown }[] }
  return parameter.map((one) => {
    const [value] = Object.entries(one).flatMap(([key, text]) => (key.startsWith('value') ? [text] : []))
    if (typeof value === 'string' && typeNumber(value) !== undefined) return value
    return raise({
      category: 'invalid',
      code: 'fhir.reindex.type-unknown',
      message: 'The parameter type names an R4 resource type.',
    })
  })
}

async function states(store: RecordStore, { caller }: OperationCall) {
  const jobs = await jobsOf(store.database, caller.tenant, LISTED_MAX)
  // How much of a type is stored is told to those who may search it.
  const mayKnow = ({ types }: ReindexJob): boolean =>
    types.every((number) => caller.scopes.allows(typeName(number) ?? '', 's'))
  const parameter = jobs.filter(mayKnow).map(jobParameter)
  return { status: 200, body: { resourceType: 'Parameters', ...(parameter.length > 0 ? { parameter } : {}) } }
}

async function stateOf(store: RecordStore, { caller, instance }: OperationCall) {
  const resource = instance?.resource as { base?: string[]; code?: string }
  const reason = whyUnused(resource)
  const table = await store.customParameters(caller.tenant)
  const entry = table.of(resource.base?.[0] ?? '')?.get(resource.code ?? '')
  const isKnown = entry !== undefined && entry.version === instance?.row.version
  const state = reason !== undefined ? 'unused' : !isKnown ? 'waiting' : entry.isReady ? 'ready' : 'building'
  const parameter = [
    { name: 'state', valueCode: state },
    ...(reason === undefined ? [] : [{ name: 'reason', valueString: reason }]),
  ]
  return { status: 200, body: { resourceType: 'Parameters', parameter } }
}

function jobParameter({ job, state, types, done, total, asked }: ReindexJob): object {
  const isAll = types.length === RESOURCE_TYPES.length
  return {
    name: 'job',
    part: [
      { name: 'id', valueString: String(job) },
      { name: 'state', valueCode: state === 'walking' || state === 'following' ? 'running' : state },
      { name: 'done', valueInteger: done },
      { name: 'total', valueInteger: total },
      { name: 'asked', valueInstant: new Date(asked).toISOString() },
      ...(isAll ? [] : types.map((type) => ({ name: 'type', valueCode: typeName(type) }))),
    ],
  }
}
