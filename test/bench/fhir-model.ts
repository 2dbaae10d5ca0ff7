// node tools/run.mjs test/bench/fhir-model.ts: microseconds per call of what every write runs through @salus/fhir-model.
import { extractSearchValues, patientReferences, validateResource } from '@salus/fhir-model'

const OBSERVATION = {
  resourceType: 'Observation',
  id: 'f3f1c9a2-6d1f-4a1b-9d59-0c8f2c0a3a11',
  meta: { lastUpdated: '2024-03-05T09:30:10.123Z', profile: ['http://hl7.org/fhir/StructureDefinition/vitalsigns'] },
  status: 'final',
  category: [
    {
      coding: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/observation-category',
          code: 'vital-signs',
          display: 'Vital Signs',
        },
      ],
    },
  ],
  code: { coding: [{ system: 'http://loinc.org', code: '29463-7', display: 'Body Weight' }], text: 'Body Weight' },
  subject: { reference: 'Patient/0b7f9e0e-3d0f-4c36-8a51-5d3f1c7a2f10' },
  encounter: { reference: 'Encounter/9a1c9a34-7a0e-4a5c-8e7c-3f9b7d0e6c21' },
  effectiveDateTime: '2024-03-05T09:30:10+01:00',
  issued: '2024-03-05T09:30:10.123+01:00',
  valueQuantity: { value: 72.4, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' },
}

const PATIENT = {
  resourceType: 'Patient',
  id: '0b7f9e0e-3d0f-4c36-8a51-5d3f1c7a2f10',
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><p>Ada <b>Example</b></p></div>' },
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName', valueString: 'Sample' }],
  identifier: [{ use: 'official', system: 'urn:oid:1.2.36.146.595.217.0.1', value: '12345' }],
  active: true,
  name: [{ use: 'official', family: 'Example', given: ['Ada', 'Maria'], prefix: ['Dr.'] }],
  telecom: [
    { system: 'phone', value: '+1-555-0100', use: 'home' },
    { system: 'email', value: 'ada@example.org' },
  ],
  gender: 'female',
  birthDate: '1974-12-25',
  address: [
    { use: 'home', line: ['1 Main Street'], city: 'Springfield', state: 'MA', postalCode: '01101', country: 'US' },
  ],
  maritalStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', code: 'M' }] },
  communication: [{ language: { coding: [{ system: 'urn:ietf:bcp:47', code: 'en' }] }, preferred: true }],
  managingOrganization: { reference: 'Organization/1' },
}

/** Different objects, so that the processor's caches see what a server sees. */
const COPIES = 1000
const WARM_ROUNDS = 50
const ROUNDS = 100

for (const resource of [OBSERVATION, PATIENT]) {
  const text = JSON.stringify(resource)
  const copies = Array.from({ length: COPIES }, () => JSON.parse(text) as object)
  process.stdout.write(`${resource.resourceType}, ${text.length} bytes\n`)
  for (const [name, run] of [
    ['validate', validateResource],
    ['extract', extractSearchValues],
    ['patients', patientReferences],
  ] as const) {
    for (let round = 0; round < WARM_ROUNDS; round++) for (const copy of copies) run(copy)
    const start = performance.now()
    for (let round = 0; round < ROUNDS; round++) for (const copy of copies) run(copy)
    const us = ((performance.now() - start) * 1000) / (ROUNDS * COPIES)
    process.stdout.write(`  ${name.padEnd(9)} ${us.toFixed(2)} us\n`)
  }
}
