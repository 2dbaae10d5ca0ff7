import { typeNumber } from '@salus/fhir-model'
import { type Fault, raise } from '#kernel'
import { type OperationName, type Shelf, type Terminology, TerminologyError } from '#terminology'
import { sealDetail } from '../rest/audit-detail.ts'
import { auditRecord } from '../rest/audit-record.ts'
import type { RecordStore } from '../store/record-store.ts'
import type { Operation, OperationCall, ParameterSpec } from './operation.ts'
import { CANONICAL_CHARS_MAX } from './stored-terminology.ts'

const TEXT: ParameterSpec = { kind: 'text' }
const TEXTS: ParameterSpec = { kind: 'text', many: true }
const BOOLEAN: ParameterSpec = { kind: 'boolean' }
const INTEGER: ParameterSpec = { kind: 'integer' }
const CODING: ParameterSpec = { kind: 'coding' }
const CONCEPT: ParameterSpec = { kind: 'concept' }
const RESOURCE: ParameterSpec = { kind: 'resource' }
const RESOURCES: ParameterSpec = { kind: 'resource', many: true }

/** What terminology clients send with each operation, whether or not it is theirs: https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig */
const COMMON = {
  uuid: TEXT,
  'cache-id': TEXT,
  'tx-resource': RESOURCES,
  displayLanguage: TEXT,
  useSupplement: TEXTS,
  'system-version': TEXTS,
  'check-system-version': TEXTS,
  'force-system-version': TEXTS,
  'default-valueset-version': TEXTS,
  'check-valueset-version': TEXTS,
  'force-valueset-version': TEXTS,
  'default-to-latest-version': BOOLEAN,
  diagnostics: BOOLEAN,
  profile: RESOURCE,
}

const VALIDATION = {
  ...COMMON,
  url: TEXT,
  code: TEXT,
  display: TEXT,
  coding: CODING,
  codeableConcept: CONCEPT,
  date: TEXT,
  abstract: BOOLEAN,
  activeOnly: BOOLEAN,
  inferSystem: BOOLEAN,
  'lenient-display-validation': BOOLEAN,
  'valueset-membership-only': BOOLEAN,
  versionsMatch: BOOLEAN,
  includeDesignations: BOOLEAN,
  includeDefinition: BOOLEAN,
  excludeNested: BOOLEAN,
}

const VALUE_SET_VALIDATION = {
  ...VALIDATION,
  context: TEXT,
  valueSet: RESOURCE,
  valueSetVersion: TEXT,
  system: TEXT,
  systemVersion: TEXT,
}

const VALIDATION_BY_TYPE = {
  CodeSystem: {
    definition: 'http://hl7.org/fhir/OperationDefinition/CodeSystem-validate-code',
    bareResource: 'codeSystem',
  },
}

const EXPANSION = {
  ...COMMON,
  url: TEXT,
  valueSet: RESOURCE,
  valueSetVersion: TEXT,
  context: TEXT,
  contextDirection: TEXT,
  filter: TEXT,
  date: TEXT,
  offset: INTEGER,
  count: INTEGER,
  includeDesignations: BOOLEAN,
  includeDefinition: BOOLEAN,
  activeOnly: BOOLEAN,
  excludeNested: BOOLEAN,
  excludeNotForUI: BOOLEAN,
  excludePostCoordinated: BOOLEAN,
  versionsMatch: BOOLEAN,
  designation: TEXTS,
  property: TEXTS,
}

const LOOKUP = { ...COMMON, code: TEXT, system: TEXT, version: TEXT, coding: CODING, date: TEXT, property: TEXTS }
const SUBSUMPTION = {
  ...COMMON,
  codeA: TEXT,
  codeB: TEXT,
  system: TEXT,
  version: TEXT,
  codingA: CODING,
  codingB: CODING,
}
const CLOSURE: Operation['parameters'] = {
  'tx-resource': RESOURCES,
  name: TEXT,
  concept: { kind: 'coding', many: true },
  version: TEXT,
}
const TRANSLATION = {
  ...COMMON,
  url: TEXT,
  conceptMap: RESOURCE,
  conceptMapVersion: TEXT,
  code: TEXT,
  system: TEXT,
  version: TEXT,
  source: TEXT,
  coding: CODING,
  codeableConcept: CONCEPT,
  target: TEXT,
  targetsystem: TEXT,
  reverse: BOOLEAN,
}

/** A tenant's own terminology, as the record holds it. */
export type RecordShelf = (tenant: number) => Shelf

/**
 * The operations of http://hl7.org/fhir/R4/terminology-service.html over what is known here and what the tenant has stored. Those
 * that R4 defines with one parameter that is a resource take it as the body too: http://hl7.org/fhir/R4/operations.html#request
 */
export function terminologyOperations(
  terminology: Terminology,
  shelf: RecordShelf,
  store: Pick<RecordStore, 'clock' | 'vault'>,
): Operation[] {
  const one = (name: string, types: readonly string[], parameters: Operation['parameters'], run: Runs): Operation => ({
    name,
    definition: `http://hl7.org/fhir/OperationDefinition/${types[0] as string}-${name}`,
    levels: ['type', 'instance'],
    types,
    affectsState: false,
    permission: 'r',
    parameters,
    run: (call) => answered(() => run(call)),
  })
  const ask =
    (name: OperationName): Runs =>
    ({ caller, parameters, instance, acceptLanguage }) =>
      terminology.run(name, {
        parameters,
        record: strict(shelf(caller.tenant)),
        ...(instance ? { resource: instance.resource } : {}),
        ...(acceptLanguage === undefined ? {} : { acceptLanguage }),
      })
  const validate: Runs = (call) => ask(call.type === 'CodeSystem' ? 'validate-code-system' : 'validate-value-set')(call)
  return [
    one('lookup', ['CodeSystem'], LOOKUP, ask('lookup')),
    one('subsumes', ['CodeSystem'], SUBSUMPTION, ask('subsumes')),
    {
      ...one(
        'validate-code',
        ['ValueSet', 'CodeSystem'],
        { ...VALUE_SET_VALIDATION, codeSystem: RESOURCE, version: TEXT },
        validate,
      ),
      bareResource: 'valueSet',
      byType: VALIDATION_BY_TYPE,
    },
    { ...one('expand', ['ValueSet'], EXPANSION, ask('expand')), bareResource: 'valueSet' },
    { ...one('translate', ['ConceptMap'], TRANSLATION, ask('translate')), bareResource: 'conceptMap' },
    {
      ...one(
        'batch-validate-code',
        ['ValueSet'],
        { ...VALUE_SET_VALIDATION, validation: RESOURCES },
        ask('batch-validate-code'),
      ),
      levels: ['system', 'type'],
    },
    {
      ...one('closure', ['ConceptMap'], CLOSURE, closureOf(terminology, shelf, store)),
      levels: ['system'],
      affectsState: true,
      // The table is no resource, but it is kept.
      permission: 'u',
    },
  ]
}

function closureOf(terminology: Terminology, shelf: RecordShelf, store: Pick<RecordStore, 'clock' | 'vault'>): Runs {
  return ({ caller, parameters }) =>
    terminology.closure({
      tenant: caller.tenant,
      client: caller.client,
      parameters,
      record: strict(shelf(caller.tenant)),
      audit: auditRecord(store, caller, {
        action: 'update',
        type: typeNumber('ConceptMap') ?? 0,
        detail: sealDetail(store.vault, caller.tenant, '$closure'),
      }),
    })
}

/** A canonical that nothing stored can have is refused, rather than looked for and quoted. */
function strict(shelf: Shelf): Shelf {
  return {
    ...shelf,
    resources: (kind, url, preferred) =>
      url.length > CANONICAL_CHARS_MAX ? raise(TOO_LONG) : shelf.resources(kind, url, preferred),
  }
}

const TOO_LONG: Fault = {
  category: 'invalid',
  code: 'fhir.terminology.canonical-too-long',
  message: `The URL of a code system, value set or map has at most ${CANONICAL_CHARS_MAX} characters here.`,
}

type Runs = (call: OperationCall) => Promise<object>

/** What the service cannot answer, it says in the form terminology clients read. */
async function answered(run: () => Promise<object>): Promise<{ status: number; body: object }> {
  try {
    return { status: 200, body: await run() }
  } catch (error) {
    if (error instanceof TerminologyError) return { status: error.status, body: error.outcome }
    throw error
  }
}
