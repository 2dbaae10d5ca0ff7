/** What a record evaluates all day: `Observation` and `Patient` as they come, expressions as specifications have them. */
export interface FhirPathCase {
  name: string
  expression: string
  resource: object
}

const PATIENT = {
  resourceType: 'Patient',
  id: 'p1',
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName', valueString: 'Sample' }],
  identifier: [{ use: 'official', system: 'urn:oid:1.2.36.146.595.217.0.1', value: '12345' }],
  active: true,
  name: [
    { use: 'official', family: 'Example', given: ['Ada', 'Maria'], prefix: ['Dr.'] },
    { use: 'usual', given: ['Addy'] },
  ],
  telecom: [
    { system: 'phone', value: '+1-555-0100', use: 'home' },
    { system: 'email', value: 'ada@example.org' },
  ],
  gender: 'female',
  birthDate: '1974-12-25',
  address: [{ use: 'home', line: ['1 Main Street'], city: 'Springfield', postalCode: '01101', country: 'US' }],
  contact: [{ name: { family: 'Example' }, telecom: [{ system: 'phone', value: '+1-555-0101' }] }],
  managingOrganization: { reference: 'Organization/1' },
}

const MM_HG = { unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' }
const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] })

const BLOOD_PRESSURE = {
  resourceType: 'Observation',
  id: 'o1',
  status: 'final',
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
  ],
  code: loinc('85354-9'),
  subject: { reference: 'Patient/p1' },
  effectiveDateTime: '2024-03-05T09:30:10+01:00',
  component: [
    { code: loinc('8480-6'), valueQuantity: { value: 107, ...MM_HG } },
    { code: loinc('8462-4'), valueQuantity: { value: 60, ...MM_HG } },
  ],
}

const of =
  (resource: object) =>
  ([name, expression]: readonly [name: string, expression: string]): FhirPathCase => ({ name, expression, resource })

/** Search parameters and invariants of R4 and US Core, and what policies and views ask. */
export const FHIRPATH_CASES: readonly FhirPathCase[] = [
  ...(
    [
      ['path', 'Patient.name.given'],
      ['search: phone', "Patient.telecom.where(system='phone').value"],
      ['search: deceased', 'Patient.deceased.exists() and Patient.deceased != false'],
      ['invariant pat-1', 'name.exists() or telecom.exists() or address.exists() or organization.exists()'],
      ['invariant us-core-6', '(name.family.exists() or name.given.exists()) and name.empty().not()'],
      ['invariant ext-1', 'extension.all(extension.exists() != value.exists())'],
      ['display name', "Patient.name.where(use = 'official').select(given.first() + ' ' + family)"],
      ['born before', 'Patient.birthDate < @2006-01-01'],
      ['pattern', "identifier.value.matches('^[0-9]{1,12}$')"],
    ] as const
  ).map(of(PATIENT)),
  ...(
    [
      ['search: date', '(Observation.effective as dateTime) | (Observation.effective as Period)'],
      [
        'search: component',
        "Observation.component.where(code.coding.exists(system = 'http://loinc.org' and code = '8480-6')).value.as(Quantity).value",
      ],
      ['invariant obs-6', 'dataAbsentReason.empty() or value.empty()'],
      [
        'invariant obs-7',
        'value.empty() or component.code.where(coding.intersect(%resource.code.coding).exists()).empty()',
      ],
      ['all descendants', "Observation.descendants().where($this is Coding and system = 'http://loinc.org').code"],
      ['arithmetic', 'Observation.component.value.value.aggregate($this + $total, 0) / 2'],
    ] as const
  ).map(of(BLOOD_PRESSURE)),
]
