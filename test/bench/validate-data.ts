const MM_HG = { unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' }
const loinc = (code: string): object => ({ coding: [{ system: 'http://loinc.org', code }] })

/** Blood pressures that claim no profile: their code demands R4's, with slices by code and invariants in FHIRPath. */
export function bloodPressures(count: number): object[] {
  return Array.from({ length: count }, (_, n) => ({
    resourceType: 'Observation',
    id: `bp-${n}`,
    meta: { profile: ['http://hl7.org/fhir/StructureDefinition/bp'] },
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
    ],
    code: loinc('85354-9'),
    subject: { reference: `Patient/patient-${n}` },
    effectiveDateTime: '2024-03-05T09:30:10+01:00',
    component: [
      { code: loinc('8480-6'), valueQuantity: { value: 100 + (n % 60), ...MM_HG } },
      { code: loinc('8462-4'), valueQuantity: { value: 60 + (n % 30), ...MM_HG } },
    ],
  }))
}

/** A document whose entries refer to each other: every entry can be reached from the Composition. */
export function documentOf(entries: number): object {
  const url = (n: number): string => `http://records.example.org/fhir/Basic/basic-${n}`
  const basics = Array.from({ length: entries - 2 }, (_, n) => ({
    fullUrl: url(n),
    resource: {
      resourceType: 'Basic',
      id: `basic-${n}`,
      code: { text: 'note' },
      author: { reference: 'Practitioner/author' },
      ...(n === 0 ? {} : { identifier: [{ system: 'http://records.example.org/notes', value: `${n}` }] }),
    },
  }))
  const composition = {
    resourceType: 'Composition',
    id: 'composition',
    status: 'final',
    type: { text: 'Summary' },
    date: '2024-03-05',
    author: [{ reference: 'Practitioner/author' }],
    title: 'Summary',
    section: [{ title: 'Notes', entry: basics.map((_, n) => ({ reference: `Basic/basic-${n}` })) }],
  }
  return {
    resourceType: 'Bundle',
    type: 'document',
    timestamp: '2024-03-05T09:30:10Z',
    identifier: { system: 'http://records.example.org/documents', value: '1' },
    entry: [
      { fullUrl: 'http://records.example.org/fhir/Composition/composition', resource: composition },
      {
        fullUrl: 'http://records.example.org/fhir/Practitioner/author',
        resource: { resourceType: 'Practitioner', id: 'author' },
      },
      ...basics,
    ],
  }
}
