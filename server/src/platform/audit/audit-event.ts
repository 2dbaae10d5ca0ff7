import type { FoundRecord } from './lookup.ts'
import type { AuditAction, AuditOutcome, AuditRecord } from './record.ts'

/** What turns internal numbers into public references (`Patient/0b9c...`); undefined: leave the entity out. */
export interface PublicReferences {
  resource(type: number, rid: number): string | undefined
  patient(rid: number): string | undefined
}

interface Coding {
  system: string
  code: string
  display: string
}

const DCM = 'http://dicom.nema.org/resources/ontology/DCM'
const EVENT_TYPE = 'http://terminology.hl7.org/CodeSystem/audit-event-type'
const INTERACTION = 'http://hl7.org/fhir/restful-interaction'
const ENTITY_TYPE = 'http://terminology.hl7.org/CodeSystem/audit-entity-type'
const ENTITY_ROLE = 'http://terminology.hl7.org/CodeSystem/object-role'
const BALP_ENTITY_TYPE = 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType'

const REST: Coding = { system: EVENT_TYPE, code: 'rest', display: 'RESTful Operation' }
const PERSON: Coding = { system: ENTITY_TYPE, code: '1', display: 'Person' }
const SYSTEM_OBJECT: Coding = { system: ENTITY_TYPE, code: '2', display: 'System Object' }
const PATIENT_ROLE: Coding = { system: ENTITY_ROLE, code: '1', display: 'Patient' }
const RESOURCE_ROLE: Coding = { system: ENTITY_ROLE, code: '4', display: 'Domain Resource' }
const QUERY_ROLE: Coding = { system: ENTITY_ROLE, code: '24', display: 'Query' }
const REQUEST_ID: Coding = { system: BALP_ENTITY_TYPE, code: 'XrequestId', display: 'The value of X-Request-Id' }

interface EventKind {
  /** AuditEvent.action: C create, R read, U update, D delete, E execute. */
  code: 'C' | 'R' | 'U' | 'D' | 'E'
  type: Coding
  subtype?: Coding
}

const rest = (code: EventKind['code'], interaction: string): EventKind => ({
  code,
  type: REST,
  subtype: { system: INTERACTION, code: interaction, display: interaction },
})

const KINDS: Record<AuditAction, EventKind> = {
  read: rest('R', 'read'),
  vread: rest('R', 'vread'),
  history: rest('R', 'history'),
  search: rest('E', 'search'),
  create: rest('C', 'create'),
  update: rest('U', 'update'),
  patch: rest('U', 'patch'),
  delete: rest('D', 'delete'),
  transaction: rest('E', 'transaction'),
  batch: rest('E', 'batch'),
  operation: rest('E', 'operation'),
  login: {
    code: 'E',
    type: { system: DCM, code: '110114', display: 'User Authentication' },
    subtype: { system: DCM, code: '110122', display: 'Login' },
  },
  refusal: { code: 'E', type: { system: DCM, code: '110113', display: 'Security Alert' } },
  key: { code: 'E', type: { system: DCM, code: '110100', display: 'Application Activity' } },
  admin: { code: 'E', type: { system: DCM, code: '110100', display: 'Application Activity' } },
}

const OUTCOMES: Record<AuditOutcome, string> = { success: '0', refused: '4', failed: '8' }

/**
 * A record as a FHIR R4 AuditEvent (https://hl7.org/fhir/R4/auditevent.html), along IHE BALP: what was done, when, by which
 * client and actor, for which patients, and the request id. `detail` is the opened search text, for those who may see it.
 * Pure; internal numbers leave it only through `references`. The id names the place in the log: see `parseAuditEventId`.
 */
export function toAuditEvent(found: FoundRecord, references: PublicReferences, detail?: string): object {
  const { record, node, index } = found
  const kind = KINDS[record.action]
  const recorded = new Date(record.at).toISOString()
  const entities = entitiesOf(record, references, detail)
  return {
    resourceType: 'AuditEvent',
    id: auditEventId(found),
    meta: { versionId: '1', lastUpdated: recorded },
    type: kind.type,
    ...(kind.subtype ? { subtype: [kind.subtype] } : {}),
    action: kind.code,
    recorded,
    outcome: OUTCOMES[record.outcome],
    ...(record.purpose ? { purposeOfEvent: [purposeOf(record)] } : {}),
    agent: agentsOf(record),
    source: {
      observer: { identifier: { value: `log-${node}` }, display: `Salus audit log ${node}, leaf ${index}` },
      type: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/security-source-type',
          code: '4',
          display: 'Application Server',
        },
      ],
    },
    ...(entities.length > 0 ? { entity: entities } : {}),
  }
}

/** `log-<node>-<index>`: the AuditEvent's id. */
export function auditEventId({ node, index }: { node: number; index: number }): string {
  return `log-${node}-${index}`
}

/** The place an AuditEvent id names; undefined for anything `auditEventId` would not write. */
export function parseAuditEventId(id: string): { node: number; index: number } | undefined {
  const match = /^log-(0|[1-9]\d{0,4})-(0|[1-9]\d{0,15})$/.exec(id)
  const place = { node: Number(match?.[1]), index: Number(match?.[2]) }
  return match && place.node <= 32_767 && Number.isSafeInteger(place.index) ? place : undefined
}

function agentsOf(record: AuditRecord): object[] {
  const isOneself = record.actor === record.client
  const client = {
    type: { coding: [{ system: DCM, code: '110153', display: 'Source Role ID' }] },
    ...(record.client ? { who: { identifier: { value: record.client } } } : {}),
    requestor: isOneself,
  }
  if (isOneself) return [client]
  const actor = {
    type: {
      coding: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType',
          code: 'IRCP',
          display: 'information recipient',
        },
      ],
    },
    ...(record.actor ? { who: { identifier: { value: record.actor } } } : {}),
    requestor: true,
  }
  return [client, actor]
}

function entitiesOf(record: AuditRecord, references: PublicReferences, detail: string | undefined): object[] {
  const entities: object[] = []
  const resource = record.rid > 0 ? references.resource(record.type, record.rid) : undefined
  if (resource !== undefined) {
    const reference = record.version > 0 ? `${resource}/_history/${record.version}` : resource
    entities.push({ what: { reference }, type: SYSTEM_OBJECT, role: RESOURCE_ROLE })
  }
  for (const rid of record.patients) {
    const reference = references.patient(rid)
    if (reference !== undefined) entities.push({ what: { reference }, type: PERSON, role: PATIENT_ROLE })
  }
  if (detail !== undefined)
    entities.push({ type: SYSTEM_OBJECT, role: QUERY_ROLE, query: Buffer.from(detail).toString('base64') })
  if (record.requestId) entities.push({ what: { identifier: { value: record.requestId } }, type: REQUEST_ID })
  return entities
}

function purposeOf(record: AuditRecord): object {
  return { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: record.purpose }] }
}
