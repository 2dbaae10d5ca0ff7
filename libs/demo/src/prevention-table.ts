// table: vaccines (CVX), screening procedures (SNOMED CT) and allergies, with the ages at which they are due.
// Ages follow the usual schedules in outline, for demonstrations. They are no source for care.

import type { Coded } from './coding.ts'
import type { MedicationName } from './medications-table.ts'

export interface Vaccine {
  cvx: Coded
  /** Ages in years at which a dose is due. */
  ages: readonly number[]
  doseMl: number
}

export const VACCINES: readonly Vaccine[] = [
  { cvx: ['08', 'Hep B, adolescent or pediatric'], ages: [0, 0.1, 0.5], doseMl: 0.5 },
  { cvx: ['20', 'DTaP'], ages: [0.17, 0.34, 0.5, 1.3, 4.5], doseMl: 0.5 },
  { cvx: ['10', 'IPV'], ages: [0.17, 0.34, 0.5, 4.5], doseMl: 0.5 },
  { cvx: ['133', 'Pneumococcal conjugate PCV 13'], ages: [0.17, 0.34, 0.5, 1.1], doseMl: 0.5 },
  { cvx: ['49', 'Hib (PRP-OMP)'], ages: [0.17, 0.34, 1.1], doseMl: 0.5 },
  { cvx: ['119', 'rotavirus, monovalent'], ages: [0.17, 0.34], doseMl: 1 },
  { cvx: ['03', 'MMR'], ages: [1.1, 4.5], doseMl: 0.5 },
  { cvx: ['21', 'varicella'], ages: [1.1, 4.5], doseMl: 0.5 },
  { cvx: ['83', 'Hep A, ped/adol, 2 dose'], ages: [1.1, 1.6], doseMl: 0.5 },
  { cvx: ['115', 'Tdap'], ages: [11.3, 31, 51], doseMl: 0.5 },
  { cvx: ['165', 'HPV9'], ages: [11.3, 11.9], doseMl: 0.5 },
  { cvx: ['114', 'meningococcal MCV4P'], ages: [11.3, 16.3], doseMl: 0.5 },
  {
    cvx: ['113', 'Td (adult), 5 Lf tetanus toxoid, preservative free, adsorbed'],
    ages: [21, 41, 61, 71, 81],
    doseMl: 0.5,
  },
  { cvx: ['187', 'zoster recombinant'], ages: [50.5, 50.9], doseMl: 0.5 },
  { cvx: ['33', 'pneumococcal polysaccharide PPV23'], ages: [65.3], doseMl: 0.5 },
]
export const INFLUENZA: Vaccine = {
  cvx: ['140', 'Influenza, seasonal, injectable, preservative free'],
  ages: [],
  doseMl: 0.5,
}

export interface Screening {
  snomed: Coded
  from: number
  until: number
  everyYears: number
  sex?: 'female'
}

export const SCREENINGS: readonly Screening[] = [
  { snomed: ['171207006', 'Depression screening (procedure)'], from: 18, until: 95, everyYears: 2 },
  { snomed: ['73761001', 'Colonoscopy (procedure)'], from: 50, until: 75, everyYears: 9 },
  { snomed: ['24623002', 'Screening mammography (procedure)'], from: 48, until: 74, everyYears: 2, sex: 'female' },
  { snomed: ['29303009', 'Electrocardiographic procedure (procedure)'], from: 45, until: 95, everyYears: 4 },
  { snomed: ['430193006', 'Medication reconciliation (procedure)'], from: 40, until: 98, everyYears: 1 },
]

export interface Allergy {
  snomed: Coded
  category: 'medication' | 'food' | 'environment'
  criticality: 'low' | 'high'
  reactions: readonly Coded[]
  /** Drugs that must not be given, and what is given in their place. */
  avoids?: Partial<Record<MedicationName, MedicationName>>
}

const HIVES: Coded = ['126485001', 'Urticaria (disorder)']
const RASH: Coded = ['271807003', 'Eruption of skin (disorder)']
const ANAPHYLAXIS: Coded = ['39579001', 'Anaphylaxis (disorder)']
const COUGH: Coded = ['49727002', 'Cough (finding)']

export const ALLERGIES: readonly Allergy[] = [
  {
    snomed: ['91936005', 'Allergy to penicillin (finding)'],
    category: 'medication',
    criticality: 'high',
    reactions: [RASH, HIVES],
    avoids: { amoxicillin: 'azithromycin' },
  },
  {
    snomed: ['91935009', 'Allergy to peanut (finding)'],
    category: 'food',
    criticality: 'high',
    reactions: [ANAPHYLAXIS, HIVES],
  },
  { snomed: ['91930004', 'Allergy to eggs (finding)'], category: 'food', criticality: 'low', reactions: [HIVES] },
  {
    snomed: ['425525006', 'Allergy to dairy product (finding)'],
    category: 'food',
    criticality: 'low',
    reactions: [RASH],
  },
  {
    snomed: ['232350006', 'House dust mite allergy (finding)'],
    category: 'environment',
    criticality: 'low',
    reactions: [COUGH],
  },
  {
    snomed: ['418689008', 'Allergy to grass pollen (finding)'],
    category: 'environment',
    criticality: 'low',
    reactions: [COUGH],
  },
  {
    snomed: ['232347008', 'Allergy to dander (finding)'],
    category: 'environment',
    criticality: 'low',
    reactions: [HIVES, COUGH],
  },
  {
    snomed: ['300916003', 'Allergy to latex (finding)'],
    category: 'environment',
    criticality: 'low',
    reactions: [RASH],
  },
]
export const NO_KNOWN_ALLERGY: Coded = ['716186003', 'No known allergy (situation)']
