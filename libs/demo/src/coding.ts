/** What marks every demo resource. Spec: https://terminology.hl7.org/CodeSystem-v3-ActReason.html (HTEST). */
export const SYNTHETIC_TAG = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason',
  code: 'HTEST',
  display: 'test health data',
} as const

/** Identifier systems of the demo; example.org belongs to nobody (RFC 2606). */
export const DEMO_IDENTIFIERS = {
  patient: 'http://example.org/fhir/demo/patient',
  member: 'http://example.org/fhir/demo/member',
  organization: 'http://example.org/fhir/demo/organization',
  practitioner: 'http://example.org/fhir/demo/practitioner',
} as const

const HL7 = 'http://terminology.hl7.org/CodeSystem'
export const SYSTEMS = {
  snomed: 'http://snomed.info/sct',
  loinc: 'http://loinc.org',
  rxnorm: 'http://www.nlm.nih.gov/research/umls/rxnorm',
  cvx: 'http://hl7.org/fhir/sid/cvx',
  icd10: 'http://hl7.org/fhir/sid/icd-10-cm',
  ucum: 'http://unitsofmeasure.org',
  actCode: `${HL7}/v3-ActCode`,
  maritalStatus: `${HL7}/v3-MaritalStatus`,
  identifierType: `${HL7}/v2-0203`,
  conditionClinical: `${HL7}/condition-clinical`,
  conditionVerification: `${HL7}/condition-ver-status`,
  conditionCategory: `${HL7}/condition-category`,
  allergyClinical: `${HL7}/allergyintolerance-clinical`,
  allergyVerification: `${HL7}/allergyintolerance-verification`,
  observationCategory: `${HL7}/observation-category`,
  interpretation: `${HL7}/v3-ObservationInterpretation`,
  diagnosticService: `${HL7}/v2-0074`,
  route: `${HL7}/v3-RouteOfAdministration`,
  participation: `${HL7}/v3-ParticipationType`,
  diagnosisRole: `${HL7}/diagnosis-role`,
  discharge: `${HL7}/discharge-disposition`,
  organizationType: `${HL7}/organization-type`,
} as const

export type SystemName = keyof typeof SYSTEMS

/** Code and its display text. */
export type Coded = readonly [code: string, display: string]

export function coding(system: SystemName, [code, display]: Coded): { system: string; code: string; display: string } {
  return { system: SYSTEMS[system], code, display }
}

export function concept(system: SystemName, coded: Coded): { coding: object[]; text: string } {
  return { coding: [coding(system, coded)], text: coded[1] }
}

/** A quantity in UCUM. */
export function quantity(value: number, unit: string, code = unit): object {
  return { value, unit, system: SYSTEMS.ucum, code }
}
