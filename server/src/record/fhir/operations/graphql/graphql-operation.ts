import { RESOURCE_TYPES, typeNumber } from '@salus/fhir-model'
import { raise } from '#kernel'
import { sealDetail } from '../../rest/audit-detail.ts'
import { auditRecord } from '../../rest/audit-record.ts'
import type { SearchDeps } from '../../search/index.ts'
import { openRow } from '../../store/open-row.ts'
import type { RecordStore } from '../../store/record-store.ts'
import type { Resource } from '../../store/write-request.ts'
import { parseTagged } from '../../store/written-numbers.ts'
import type { Operation, OperationAnswer, OperationCall } from '../operation.ts'
import { resourceOf, textOf } from '../parameter-values.ts'
import { questionText } from '../question-text.ts'
import { GRAPHQL_FAULTS } from './graphql-faults.ts'
import { QueryResources } from './query-resources.ts'
import { type QueryText, readQuery } from './read-query.ts'
import { QueryRun } from './run-query.ts'

interface GraphqlParts {
  store: RecordStore
  search: SearchDeps
  fhirBase: string
}

/**
 * GraphQL on the record and on one resource: http://hl7.org/fhir/R4/graphql.html. By GET with `query`, `operationName` and
 * `variables`, or by POST of the JSON object that GraphQL clients send. A query is answered in whole or refused: no answer holds
 * errors beside data. Types the caller may not read are as if they were not there behind references; asked for by name they are refused.
 *
 * Faults: `fhir.graphql.*` (graphql-faults.ts), `fhir.forbidden`, those of the search.
 */
export function graphqlOperation(parts: GraphqlParts): Operation {
  return {
    name: 'graphql',
    definition: 'https://salus.health/fhir/OperationDefinition/graphql',
    levels: ['system', 'instance'],
    types: RESOURCE_TYPES.filter((type) => type !== 'AuditEvent'),
    affectsState: false,
    asks: true,
    permission: 'r',
    namesTypes: true,
    parameters: {
      query: { kind: 'text' },
      operationName: { kind: 'text' },
      variables: { kind: 'text' },
      request: { kind: 'any' },
    },
    bareResource: 'request',
    run: (call) => run(parts, call),
  }
}

async function run(parts: GraphqlParts, call: OperationCall): Promise<OperationAnswer> {
  const { store, search, fhirBase } = parts
  const { caller, instance } = call
  const resources = new QueryResources({ store, search, caller })
  try {
    const query = readQuery(queryOf(call.parameters))
    const running = new QueryRun({ query, resources, fhirBase, clock: store.clock })
    let data: object
    if (instance) {
      const resource = parseTagged((await openRow(store, instance.row)).toString()) as Resource
      resources.take(instance.row, resource)
      data = await running.ofResource(resource)
    } else data = await running.ofSystem()
    return { status: 200, body: { data }, patients: [...resources.patients], count: resources.opened }
  } catch (error) {
    // A refusal may tell of what was read: that there are several names, or none.
    if (resources.opened > 0) await recordFailed(parts, call, resources)
    throw error
  }
}

function recordFailed(
  { store }: GraphqlParts,
  { caller, type, instance, parameters }: OperationCall,
  resources: QueryResources,
) {
  return store.ledger.record(
    auditRecord(store, caller, {
      action: 'operation',
      outcome: 'failed',
      type: type === undefined ? 0 : (typeNumber(type) ?? 0),
      rid: instance?.row.rid ?? 0,
      patients: [...resources.patients],
      count: resources.opened,
      detail: sealDetail(store.vault, caller.tenant, questionText('graphql', parameters)),
    }),
  )
}

function queryOf(parameters: Resource): QueryText {
  const body = (resourceOf(parameters, 'request') ?? {}) as Record<string, unknown>
  const query = textOf(parameters, 'query') ?? body.query
  const operationName = textOf(parameters, 'operationName') ?? body.operationName ?? undefined
  const variables = variablesIn(textOf(parameters, 'variables')) ?? body.variables ?? {}
  if (typeof query !== 'string') return raise(GRAPHQL_FAULTS.queryMissing)
  if (operationName !== undefined && typeof operationName !== 'string') return raise(GRAPHQL_FAULTS.operation)
  if (typeof variables !== 'object' || Array.isArray(variables)) return raise(GRAPHQL_FAULTS.variables)
  return {
    query,
    variables: variables as Record<string, unknown>,
    ...(operationName === undefined ? {} : { operationName }),
  }
}

function variablesIn(text: string | undefined): unknown {
  if (text === undefined || text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return raise(GRAPHQL_FAULTS.variables)
  }
}
