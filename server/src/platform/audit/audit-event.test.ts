import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditRecord, TEST_START } from '../../../../test/fixtures/audit.ts'
import {
  AUDIT_ACTIONS,
  AUDIT_OUTCOMES,
  auditEventId,
  type PublicReferences,
  parseAuditEventId,
  toAuditEvent,
} from './index.ts'

const references: PublicReferences = {
  resource: (type, rid) => (rid === 404 ? undefined : `Type${type}/r${rid}`),
  patient: (rid) => `Patient/p${rid}`,
}

const CLIENT = {
  type: {
    coding: [{ system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110153', display: 'Source Role ID' }],
  },
  who: { identifier: { value: 'portal' } },
  requestor: false,
}
const ACTOR = {
  type: {
    coding: [
      {
        system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType',
        code: 'IRCP',
        display: 'information recipient',
      },
    ],
  },
  who: { identifier: { value: 'dr-a' } },
  requestor: true,
}

test('a read is told as BALP tells it', () => {
  const record = auditRecord({ actor: 'dr-a', rid: 5, version: 3, patients: [7, 8] })
  assert.deepEqual(toAuditEvent({ node: 2, index: 40, record }, references), {
    resourceType: 'AuditEvent',
    id: 'log-2-40',
    meta: { versionId: '1', lastUpdated: '2026-09-21T00:00:00.000Z' },
    type: {
      system: 'http://terminology.hl7.org/CodeSystem/audit-event-type',
      code: 'rest',
      display: 'RESTful Operation',
    },
    subtype: [{ system: 'http://hl7.org/fhir/restful-interaction', code: 'read', display: 'read' }],
    action: 'R',
    recorded: new Date(TEST_START).toISOString(),
    outcome: '0',
    purposeOfEvent: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'TREAT' }] }],
    agent: [CLIENT, ACTOR],
    source: {
      observer: { identifier: { value: 'log-2' }, display: 'Salus audit log 2, leaf 40' },
      type: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/security-source-type',
          code: '4',
          display: 'Application Server',
        },
      ],
    },
    entity: [
      {
        what: { reference: 'Type104/r5/_history/3' },
        type: {
          system: 'http://terminology.hl7.org/CodeSystem/audit-entity-type',
          code: '2',
          display: 'System Object',
        },
        role: { system: 'http://terminology.hl7.org/CodeSystem/object-role', code: '4', display: 'Domain Resource' },
      },
      ...['Patient/p7', 'Patient/p8'].map((reference) => ({
        what: { reference },
        type: { system: 'http://terminology.hl7.org/CodeSystem/audit-entity-type', code: '1', display: 'Person' },
        role: { system: 'http://terminology.hl7.org/CodeSystem/object-role', code: '1', display: 'Patient' },
      })),
      {
        what: { identifier: { value: 'request' } },
        type: {
          system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType',
          code: 'XrequestId',
          display: 'The value of X-Request-Id',
        },
      },
    ],
  })
})

test('search text appears only when it was opened for the reader, and never raw from the record', () => {
  const record = auditRecord({ action: 'search', rid: 0, detail: Buffer.from('sealed bytes') })
  const closed = JSON.stringify(toAuditEvent({ node: 0, index: 0, record }, references))
  assert.ok(!closed.includes('query') && !closed.includes(Buffer.from('sealed bytes').toString('base64')))
  const opened = JSON.stringify(toAuditEvent({ node: 0, index: 0, record }, references, 'name=x'))
  assert.ok(opened.includes(`"query":"${Buffer.from('name=x').toString('base64')}"`))
})

test('what the record does not know is left out, not invented', () => {
  const record = auditRecord({
    client: '',
    actor: '',
    requestId: '',
    purpose: '',
    rid: 404,
    patients: [],
    action: 'refusal',
  })
  const event = toAuditEvent({ node: 0, index: 0, record }, references) as Record<string, unknown>
  for (const name of ['purposeOfEvent', 'entity', 'subtype']) assert.ok(!(name in event), name)
  assert.ok(!JSON.stringify(event['agent']).includes('"who"'))
})

test('every action and outcome has the elements R4 requires, and no internal number', () => {
  for (const action of AUDIT_ACTIONS)
    for (const outcome of AUDIT_OUTCOMES) {
      const record = auditRecord({ action, outcome, rid: 123_456_789, patients: [987_654_321] })
      const hidden: PublicReferences = { resource: () => 'Observation/x', patient: () => 'Patient/y' }
      const event = toAuditEvent({ node: 0, index: 0, record }, hidden) as Record<string, unknown>
      for (const name of ['type', 'recorded', 'agent', 'source']) assert.ok(event[name], name)
      assert.match(event['action'] as string, /^[CRUDE]$/)
      assert.match(event['outcome'] as string, /^[048]$/)
      assert.doesNotMatch(JSON.stringify(event), /123456789|987654321/)
    }
})

test('an id names a place in a log and nothing else is taken for one', () => {
  for (const place of [
    { node: 0, index: 0 },
    { node: 999, index: Number.MAX_SAFE_INTEGER },
  ])
    assert.deepEqual(parseAuditEventId(auditEventId(place)), place)
  for (const id of [
    '',
    'log',
    'log-0',
    'log-0-',
    'log-00-1',
    'log-0-01',
    'log-0-1 ',
    'log--1-1',
    'log-40000-1',
    'log-0-9999999999999999',
    'x-0-1',
  ])
    assert.equal(parseAuditEventId(id), undefined, id)
})
