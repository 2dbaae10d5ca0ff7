// table: the US Core Patient profile (6.1.0) and what it refers to, written from the published specification as
// differentials, for benchmarks where the US Core package is not at hand. Texts that validation does not read are left out.
// Spec: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-patient.html
import type { Definition } from '../../server/src/record/definitions/index.ts'

const US_CORE = 'http://hl7.org/fhir/us/core'
const CORE = 'http://hl7.org/fhir/StructureDefinition'
const RACE = 'urn:oid:2.16.840.1.113883.6.238'

export const US_CORE_PATIENT = `${US_CORE}/StructureDefinition/us-core-patient`

type Element = Record<string, unknown> & { path: string; sliceName?: string }

function definition(name: string, type: string, element: Element[]): Definition {
  const extension = type === 'Extension'
  return {
    resourceType: 'StructureDefinition',
    url: `${US_CORE}/StructureDefinition/${name}`,
    version: '6.1.0',
    name,
    status: 'active',
    fhirVersion: '4.0.1',
    kind: extension ? 'complex-type' : 'resource',
    abstract: false,
    ...(extension ? { context: [{ type: 'element', expression: 'Patient' }] } : {}),
    type,
    baseDefinition: `${CORE}/${type}`,
    derivation: 'constraint',
    differential: { element },
  }
}

const required = (path: string): Element => ({ path, min: 1, mustSupport: true })
const supported = (path: string): Element => ({ path, mustSupport: true })
const bound = (path: string, strength: string, valueSet: string, more: object = {}): Element => ({
  path,
  ...more,
  binding: { strength, valueSet },
})

/** A part of a complex extension: `ombCategory`. */
function part(
  name: string,
  { min, max, type, valueSet }: { min: number; max: string; type: string; valueSet?: string },
): Element[] {
  const id = `Extension.extension:${name}`
  return [
    { id, path: 'Extension.extension', sliceName: name, min, max },
    { id: `${id}.extension`, path: 'Extension.extension.extension', max: '0' },
    { id: `${id}.url`, path: 'Extension.extension.url', fixedUri: name },
    {
      id: `${id}.value[x]`,
      path: 'Extension.extension.value[x]',
      min: 1,
      type: [{ code: type }],
      ...(valueSet === undefined ? {} : { binding: { strength: 'required', valueSet } }),
    },
  ]
}

function complex(name: string, parts: Element[][]): Definition {
  return definition(name, 'Extension', [
    { path: 'Extension' },
    ...parts.flat(),
    { path: 'Extension.url', fixedUri: `${US_CORE}/StructureDefinition/${name}` },
    { path: 'Extension.value[x]', max: '0' },
  ])
}

function simple(name: string, type: string, valueSet: string): Definition {
  return definition(name, 'Extension', [
    { path: 'Extension' },
    { path: 'Extension.extension', max: '0' },
    { path: 'Extension.url', fixedUri: `${US_CORE}/StructureDefinition/${name}` },
    bound('Extension.value[x]', 'required', valueSet, { min: 1, type: [{ code: type }] }),
  ])
}

const slice = (name: string, max: string): Element => ({
  path: 'Patient.extension',
  sliceName: name,
  min: 0,
  max,
  type: [{ code: 'Extension', profile: [`${US_CORE}/StructureDefinition/us-core-${name}`] }],
})

const patient = definition('us-core-patient', 'Patient', [
  { path: 'Patient' },
  { ...slice('race', '1'), id: 'Patient.extension:race' },
  { ...slice('ethnicity', '1'), id: 'Patient.extension:ethnicity' },
  { ...slice('tribal-affiliation', '*'), id: 'Patient.extension:tribal-affiliation' },
  { ...slice('birthsex', '1'), id: 'Patient.extension:birthsex' },
  { ...slice('sex', '1'), id: 'Patient.extension:sex' },
  { ...slice('genderIdentity', '*'), id: 'Patient.extension:genderIdentity' },
  required('Patient.identifier'),
  required('Patient.identifier.system'),
  required('Patient.identifier.value'),
  {
    ...required('Patient.name'),
    constraint: [
      {
        key: 'us-core-6',
        severity: 'error',
        human:
          'At least name.given and/or name.family are present or, if neither is available, the Data Absent Reason Extension is present.',
        expression:
          "(family.exists() or given.exists()) xor extension.where(url='http://hl7.org/fhir/StructureDefinition/data-absent-reason').exists()",
      },
    ],
  },
  supported('Patient.name.family'),
  supported('Patient.name.given'),
  supported('Patient.telecom'),
  bound('Patient.telecom.system', 'required', 'http://hl7.org/fhir/ValueSet/contact-point-system', { min: 1 }),
  required('Patient.telecom.value'),
  bound('Patient.telecom.use', 'required', 'http://hl7.org/fhir/ValueSet/contact-point-use'),
  bound('Patient.gender', 'required', 'http://hl7.org/fhir/ValueSet/administrative-gender', { min: 1 }),
  supported('Patient.birthDate'),
  supported('Patient.address'),
  supported('Patient.address.line'),
  supported('Patient.address.city'),
  bound('Patient.address.state', 'extensible', `${US_CORE}/ValueSet/us-core-usps-state`),
  supported('Patient.address.postalCode'),
  supported('Patient.communication'),
  bound('Patient.communication.language', 'extensible', `${US_CORE}/ValueSet/simple-language`),
])

function valueSet(name: string, include: object[]): Definition {
  return {
    resourceType: 'ValueSet',
    url: `${US_CORE}/ValueSet/${name}`,
    version: '6.1.0',
    status: 'active',
    compose: { include },
  }
}

const list = (system: string, codes: string): object => ({
  system,
  concept: codes.split(' ').map((code) => ({ code })),
})
const STATES = 'CA CT MA ME NH NY RI TX VT WA'

function codeSystem(url: string, codes: string): Definition {
  const concept = codes.split(' ').map((code) => ({ code }))
  return { resourceType: 'CodeSystem', url, status: 'active', content: 'complete', concept }
}

const GENDER = 'http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender'
const NULL_FLAVOR = 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor'

/** The profile, its extensions and value sets. */
export const US_CORE_DEFINITIONS: readonly Definition[] = [
  patient,
  complex('us-core-race', [
    part('ombCategory', { min: 0, max: '6', type: 'Coding', valueSet: `${US_CORE}/ValueSet/omb-race-category` }),
    part('detailed', { min: 0, max: '*', type: 'Coding', valueSet: `${US_CORE}/ValueSet/detailed-race` }),
    part('text', { min: 1, max: '1', type: 'string' }),
  ]),
  complex('us-core-ethnicity', [
    part('ombCategory', { min: 0, max: '1', type: 'Coding', valueSet: `${US_CORE}/ValueSet/omb-ethnicity-category` }),
    part('detailed', { min: 0, max: '*', type: 'Coding', valueSet: `${US_CORE}/ValueSet/detailed-race` }),
    part('text', { min: 1, max: '1', type: 'string' }),
  ]),
  simple('us-core-birthsex', 'code', `${US_CORE}/ValueSet/birthsex`),
  simple('us-core-sex', 'code', `${US_CORE}/ValueSet/birthsex`),
  simple('us-core-genderIdentity', 'CodeableConcept', `${US_CORE}/ValueSet/birthsex`),
  complex('us-core-tribal-affiliation', [
    part('tribalAffiliation', { min: 1, max: '1', type: 'CodeableConcept' }),
    part('isEnrolled', { min: 0, max: '1', type: 'boolean' }),
  ]),
  codeSystem(RACE, '1002-5 2028-9 2054-5 2076-8 2106-3 2135-2 2186-5'),
  codeSystem('https://www.usps.com/', STATES),
  valueSet('omb-race-category', [list(RACE, '1002-5 2028-9 2054-5 2076-8 2106-3'), list(NULL_FLAVOR, 'UNK ASKU')]),
  valueSet('omb-ethnicity-category', [list(RACE, '2135-2 2186-5')]),
  valueSet('detailed-race', [{ system: RACE }]),
  valueSet('birthsex', [list(GENDER, 'F M'), list(NULL_FLAVOR, 'ASKU OTH UNK')]),
  valueSet('us-core-usps-state', [list('https://www.usps.com/', STATES)]),
  valueSet('simple-language', [{ system: 'urn:ietf:bcp:47' }]),
]
