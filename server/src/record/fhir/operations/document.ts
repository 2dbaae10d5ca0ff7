import { type Fault, LIMITS, raise } from '#kernel'
import { requireScope } from '../rest/require.ts'
import { applyWrites, type WriteDependencies } from '../store/apply-writes.ts'
import { PAGE_BYTES_MAX } from '../store/page-bytes.ts'
import type { Resource } from '../store/write-request.ts'
import { documentBundle, storedEntries } from './document-bundle.ts'
import type { Operation, OperationAnswer, OperationCall } from './operation.ts'
import { flagOf } from './parameter-values.ts'
import { type OpenedRow, openedRows, referencesIn, referredRows } from './referred-rows.ts'

interface DocumentParts {
  writes: WriteDependencies
}

/** Resources of one document; a discharge summary has some hundred. */
const RESOURCES_MAX = 1_000

/**
 * The document of a Composition: http://hl7.org/fhir/R4/composition-operation-document.html. It holds all that the Composition
 * refers to and what that refers to; where something of the Composition itself is not there, may not be read or belongs to another
 * patient, the document would be incomplete and is refused. With `persist=true`, by POST only, the Bundle is also stored. A stored Bundle is of no one
 * patient, so erasing the patient does not erase it.
 *
 * Faults: `fhir.document.incomplete`, `.too-large`, `fhir.http.method`, `fhir.forbidden`, those of a write.
 */
export function documentOperation(parts: DocumentParts): Operation {
  return {
    name: 'document',
    definition: 'http://hl7.org/fhir/OperationDefinition/Composition-document',
    levels: ['instance'],
    types: ['Composition'],
    affectsState: false,
    // And then asks for the scope itself.
    changes: (parameters) => flagOf(parameters, 'persist') === true,
    permission: 'r',
    parameters: { persist: { kind: 'boolean' } },
    run: (call) => run(parts, call),
  }
}

async function run({ writes }: DocumentParts, call: OperationCall): Promise<OperationAnswer> {
  const { caller, parameters } = call
  const { store, fhirBase } = writes
  const { row } = call.instance as NonNullable<OperationCall['instance']>
  const isKept = flagOf(parameters, 'persist') === true
  if (isKept) requireScope(caller, 'Bundle', 'c')
  const [composition] = await openedRows(store, [row])
  if (!composition) return raise(INCOMPLETE)
  const { found, isCut } = await referredRows([composition], {
    store,
    caller,
    fhirBase,
    patients: new Set(row.patient === 0 ? [] : [row.patient]),
    max: RESOURCES_MAX,
    bytesMax: PAGE_BYTES_MAX,
  })
  if (isCut) raise(TOO_LARGE)
  const entries = storedEntries([composition, ...found], fhirBase)
  const addresses = new Set(entries.map(({ fullUrl }) => fullUrl))
  const own = referencesIn(composition.body, fhirBase)
  if (own.some(({ type, id }) => !addresses.has(`${fhirBase}/${type}/${id}`))) raise(INCOMPLETE)
  const bundle = documentBundle(store.clock, entries)
  const disclosed = disclosedBy([composition, ...found])
  if (!isKept) return { status: 200, body: bundle, ...disclosed }
  if (bundle.length > LIMITS.resourceBytesMax) raise(TOO_LARGE)
  const resource = JSON.parse(bundle.toString()) as Resource
  const [outcome] = await applyWrites(writes, caller, [{ action: 'create', type: 'Bundle', resource }], 'create')
  return { status: 200, body: outcome?.body ?? bundle, ...disclosed }
}

/** What the audit record says of rows that are answered. */
export function disclosedBy(rows: readonly OpenedRow[]): { patients: number[]; count: number } {
  const patients = new Set(rows.map(({ row }) => row.patient))
  patients.delete(0)
  return { patients: [...patients], count: rows.length }
}

const INCOMPLETE: Fault = {
  category: 'conflict',
  code: 'fhir.document.incomplete',
  message:
    'The document would be incomplete: the Composition refers to resources that are not here or that this token may not read.',
}
const TOO_LARGE: Fault = {
  category: 'too-costly',
  code: 'fhir.document.too-large',
  message: `The document has more than ${RESOURCES_MAX} resources, or more bytes than one answer or stored resource may have.`,
}
