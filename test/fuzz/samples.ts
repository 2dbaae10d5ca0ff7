import type { Json } from '../fixtures/server.ts'
import type { Chance } from './chance.ts'

/** Resources with every kind of element that the parsers, validators and indexers treat in a way of its own. */
export const SAMPLES: readonly Json[] = [
  {
    resourceType: 'Patient',
    id: 'sample',
    meta: {
      versionId: '1',
      lastUpdated: '2024-01-31T09:30:00.123+02:00',
      profile: ['http://hl7.org/fhir/StructureDefinition/Patient'],
      tag: [{ system: 'urn:t', code: 'a' }],
    },
    text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><p>Hello &amp; good day</p></div>' },
    contained: [
      { resourceType: 'Organization', id: 'o', name: 'Ward', telecom: [{ system: 'phone', value: '030 1234' }] },
    ],
    extension: [
      {
        url: 'http://example.org/e',
        extension: [
          { url: 'inner', valueQuantity: { value: 1.5, unit: 'mg', system: 'http://unitsofmeasure.org', code: 'mg' } },
        ],
      },
    ],
    identifier: [{ use: 'official', system: 'urn:oid:1.2.3', value: '12345', period: { start: '2020-01' } }],
    name: [
      {
        family: 'Muster',
        _family: { extension: [{ url: 'http://example.org/own', valueString: 'Muster' }] },
        given: ['Anna', null],
        _given: [null, { id: 'g' }],
      },
    ],
    telecom: [
      { system: 'phone', value: '+49 30 1234567', rank: 1 },
      { system: 'email', value: 'anna@example.org' },
    ],
    gender: 'female',
    birthDate: '1974-12-25',
    _birthDate: {
      extension: [
        {
          url: 'http://hl7.org/fhir/StructureDefinition/patient-birthTime',
          valueDateTime: '1974-12-25T14:35:45-05:00',
        },
      ],
    },
    deceasedBoolean: false,
    address: [{ line: ['Weg 1'], city: 'Köln', postalCode: '50667', period: { start: '1974-12-25' } }],
    multipleBirthInteger: 2,
    managingOrganization: { reference: '#o' },
    link: [{ other: { reference: 'Patient/other' }, type: 'seealso' }],
  },
  {
    resourceType: 'Observation',
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
    ],
    code: {
      coding: [
        { system: 'http://loinc.org', code: '2823-3', display: 'Potassium' },
        { system: 'urn:local', code: 'K' },
      ],
      text: 'Potassium',
    },
    subject: { reference: 'Patient/sample', display: 'Anna' },
    effectivePeriod: { start: '2024-02-29', end: '2024-03' },
    valueQuantity: { value: 4.1, comparator: '<', unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
    component: [
      {
        code: { text: 'part' },
        valueSampledData: { origin: { value: 0 }, period: 10, dimensions: 1, data: 'E L U 1.0' },
      },
    ],
    referenceRange: [{ low: { value: 3.5 }, high: { value: 5.1 } }],
  },
  {
    resourceType: 'Encounter',
    status: 'finished',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
    subject: { identifier: { system: 'urn:oid:1.2.3', value: '12345' } },
    participant: [{ individual: { reference: 'Practitioner/p' } }],
    length: { value: 20, unit: 'min', system: 'http://unitsofmeasure.org', code: 'min' },
  },
  {
    resourceType: 'RiskAssessment',
    status: 'final',
    subject: { reference: 'Patient/sample' },
    occurrenceDateTime: '2024',
    prediction: [{ probabilityDecimal: 0.000_000_8 }],
  },
  {
    resourceType: 'ValueSet',
    url: 'http://example.org/vs',
    version: '1',
    status: 'active',
    useContext: [
      { code: { code: 'age' }, valueRange: { low: { value: 1, code: 'a', system: 'http://unitsofmeasure.org' } } },
    ],
    compose: { include: [{ system: 'http://loinc.org', filter: [{ property: 'p', op: '=', value: 'v' }] }] },
  },
]

const URLS = [
  'Patient',
  'Observation',
  'Patient/sample',
  'Patient?identifier=12345',
  'Patient?name=x&_count=1',
  'Patient/sample/_history',
  '',
  '?',
  'Patient/sample/Observation',
  'Bundle',
  'AuditEvent',
  'metadata',
  'Patient/_search',
  '$everything',
  '../',
  'http://other.example/Patient/1',
]

/** A batch or transaction over the samples that may or may not make sense. */
export function sampleBundle(chance: Chance): Json {
  const entry = Array.from({ length: chance.below(6) }, (_, index) => {
    const resource = structuredClone(chance.pick(SAMPLES))
    const method = chance.pick(['POST', 'POST', 'PUT', 'GET', 'DELETE', 'PATCH', 'HEAD', 'post', ''])
    if (chance.once(2) && resource.subject)
      resource.subject = { reference: `urn:uuid:00000000-0000-4000-8000-00000000000${chance.below(6)}` }
    return {
      fullUrl: `urn:uuid:00000000-0000-4000-8000-00000000000${chance.once(5) ? 0 : index}`,
      resource,
      request: {
        method,
        url: method === 'POST' && !chance.once(4) ? resource.resourceType : chance.pick(URLS),
        ...(chance.once(4) ? { ifNoneExist: 'identifier=12345' } : {}),
        ...(chance.once(6) ? { ifMatch: chance.pick(['W/"1"', '1', 'x', '*']) } : {}),
      },
    }
  })
  return { resourceType: 'Bundle', type: chance.pick(['transaction', 'transaction', 'batch', 'collection']), entry }
}
