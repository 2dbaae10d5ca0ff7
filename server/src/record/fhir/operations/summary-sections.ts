// table: the sections of an International Patient Summary.

/** What a section is made of: searches of types, each with what tells current from past. */
export interface SummarySource {
  type: string
  parameters: readonly (readonly [name: string, value: string])[]
  /** Of each code only the newest, e.g. of vital signs. */
  newestPerCode?: true
}

export interface SummarySection {
  title: string
  /** LOINC. */
  code: string
  display: string
  sources: readonly SummarySource[]
  /**
   * The guide demands the section. When the record has nothing, a resource says just that: no information, which is something else
   * than that there is nothing. `absent` is its code, `made` the resource around it.
   */
  required?: {
    absent: string
    display: string
    made(concept: object, subject: object): { resourceType: string } & Record<string, unknown>
  }
  /** A summary must not leave out any of these in silence. */
  isComplete: boolean
}

const clinicalStatus = (system: string): object => ({
  coding: [{ system: `http://terminology.hl7.org/CodeSystem/${system}`, code: 'active' }],
})

const NOT_WRONG = ['status:not', 'entered-in-error'] as const

/**
 * Sections, codes and order of http://hl7.org/fhir/uv/ips/StructureDefinition-Composition-uv-ips.html; codes for what is not known:
 * http://hl7.org/fhir/uv/ips/CodeSystem-absent-unknown-uv-ips.html.
 */
export const SUMMARY_SECTIONS: readonly SummarySection[] = [
  {
    title: 'Problems',
    code: '11450-4',
    display: 'Problem list - Reported',
    sources: [
      {
        type: 'Condition',
        parameters: [
          ['clinical-status:not', 'inactive,resolved,remission'],
          ['verification-status:not', 'entered-in-error,refuted'],
        ],
      },
    ],
    required: {
      absent: 'no-problem-info',
      display: 'No information about problems',
      made: (code, subject) => ({
        resourceType: 'Condition',
        clinicalStatus: clinicalStatus('condition-clinical'),
        code,
        subject,
      }),
    },
    isComplete: true,
  },
  {
    title: 'Allergies and intolerances',
    code: '48765-2',
    display: 'Allergies and adverse reactions Document',
    sources: [
      {
        type: 'AllergyIntolerance',
        parameters: [
          ['clinical-status:not', 'resolved'],
          ['verification-status:not', 'entered-in-error,refuted'],
        ],
      },
    ],
    required: {
      absent: 'no-allergy-info',
      display: 'No information about allergies',
      made: (code, patient) => ({
        resourceType: 'AllergyIntolerance',
        clinicalStatus: clinicalStatus('allergyintolerance-clinical'),
        code,
        patient,
      }),
    },
    isComplete: true,
  },
  {
    title: 'Medication',
    code: '10160-0',
    display: 'History of Medication use Narrative',
    sources: [
      { type: 'MedicationStatement', parameters: [['status', 'active,intended,unknown,on-hold']] },
      {
        type: 'MedicationRequest',
        parameters: [
          ['status', 'active,on-hold,unknown'],
          ['intent:not', 'proposal'],
        ],
      },
    ],
    required: {
      absent: 'no-medication-info',
      display: 'No information about medications',
      made: (medicationCodeableConcept, subject) => ({
        resourceType: 'MedicationStatement',
        status: 'unknown',
        medicationCodeableConcept,
        subject,
      }),
    },
    isComplete: true,
  },
  {
    title: 'Immunizations',
    code: '11369-6',
    display: 'History of Immunization Narrative',
    sources: [{ type: 'Immunization', parameters: [['status', 'completed']] }],
    isComplete: false,
  },
  {
    title: 'Procedures',
    code: '47519-4',
    display: 'History of Procedures Document',
    sources: [{ type: 'Procedure', parameters: [['status:not', 'entered-in-error,not-done']] }],
    isComplete: false,
  },
  {
    title: 'Medical devices',
    code: '46264-8',
    display: 'History of medical device use',
    sources: [{ type: 'DeviceUseStatement', parameters: [] }],
    isComplete: false,
  },
  {
    title: 'Results',
    code: '30954-2',
    display: 'Relevant diagnostic tests/laboratory data Narrative',
    sources: [
      {
        type: 'Observation',
        parameters: [
          ['category', 'laboratory,imaging'],
          ['status', 'final,amended,corrected,preliminary'],
        ],
        newestPerCode: true,
      },
      { type: 'DiagnosticReport', parameters: [['status', 'final,amended,corrected,appended,partial,preliminary']] },
    ],
    isComplete: false,
  },
  {
    title: 'Vital signs',
    code: '8716-3',
    display: 'Vital signs',
    sources: [{ type: 'Observation', parameters: [['category', 'vital-signs'], NOT_WRONG], newestPerCode: true }],
    isComplete: false,
  },
  {
    title: 'Past illness',
    code: '11348-0',
    display: 'History of Past illness Narrative',
    sources: [
      {
        type: 'Condition',
        parameters: [
          ['clinical-status', 'inactive,resolved,remission'],
          ['verification-status:not', 'entered-in-error,refuted'],
        ],
      },
    ],
    isComplete: false,
  },
  {
    title: 'Social history',
    code: '29762-2',
    display: 'Social history Narrative',
    sources: [{ type: 'Observation', parameters: [['category', 'social-history'], NOT_WRONG], newestPerCode: true }],
    isComplete: false,
  },
  {
    title: 'Plan of care',
    code: '18776-5',
    display: 'Plan of care note',
    sources: [{ type: 'CarePlan', parameters: [['status', 'active']] }],
    isComplete: false,
  },
]
