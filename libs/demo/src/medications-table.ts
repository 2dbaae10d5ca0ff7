// table: RxNorm drugs by the name the other tables use.

import type { Coded } from './coding.ts'

export interface Medication {
  rxnorm: Coded
  /** Dose at a time and times a day. */
  dose: readonly [value: number, unit: string]
  timesPerDay: number
  asNeeded?: true
  /** The drug that ends when this one begins. */
  replaces?: string
  route: readonly [code: string, display: string]
}

const MOUTH = ['PO', 'Swallow, oral'] as const
const INHALED = ['IPINHL', 'Inhalation, respiratory'] as const
const SKIN = ['TOPICAL', 'Topical'] as const
const tablet = (code: string, display: string, timesPerDay = 1, count = 1): Medication => ({
  rxnorm: [code, display],
  dose: [count, '{tbl}'],
  timesPerDay,
  route: MOUTH,
})
const capsule = (code: string, display: string, timesPerDay = 1): Medication => ({
  rxnorm: [code, display],
  dose: [1, '{capsule}'],
  timesPerDay,
  route: MOUTH,
})
const puffs = (code: string, display: string, timesPerDay: number, count = 2): Medication => ({
  rxnorm: [code, display],
  dose: [count, '{puff}'],
  timesPerDay,
  route: INHALED,
})

export const MEDICATIONS = {
  lisinopril10: tablet('314076', 'lisinopril 10 MG Oral Tablet'),
  amlodipine: tablet('197361', 'amlodipine 5 MG Oral Tablet'),
  hydrochlorothiazide: tablet('310798', 'hydrochlorothiazide 25 MG Oral Tablet'),
  metformin: tablet('861007', 'metformin hydrochloride 500 MG Oral Tablet', 2),
  empagliflozin: tablet('1545658', 'empagliflozin 10 MG Oral Tablet'),
  atorvastatin20: tablet('617310', 'atorvastatin 20 MG Oral Tablet'),
  atorvastatin40: { ...tablet('617311', 'atorvastatin 40 MG Oral Tablet'), replaces: 'atorvastatin20' },
  aspirin: tablet('243670', 'aspirin 81 MG Oral Tablet'),
  metoprolol: tablet('866436', '24 HR metoprolol succinate 50 MG Extended Release Oral Tablet'),
  furosemide: tablet('313988', 'furosemide 40 MG Oral Tablet'),
  apixaban: tablet('1364445', 'apixaban 5 MG Oral Tablet', 2),
  levothyroxine: tablet('966222', 'levothyroxine sodium 0.075 MG Oral Tablet'),
  sertraline: tablet('312941', 'sertraline 50 MG Oral Tablet'),
  omeprazole: capsule('198051', 'omeprazole 20 MG Delayed Release Oral Capsule'),
  tamsulosin: capsule('863669', 'tamsulosin hydrochloride 0.4 MG Oral Capsule'),
  alendronate: tablet('904419', 'alendronic acid 10 MG Oral Tablet'),
  ferrousSulfate: tablet('310325', 'ferrous sulfate 325 MG Oral Tablet'),
  naproxen: { ...tablet('198014', 'naproxen 500 MG Oral Tablet', 2), asNeeded: true },
  acetaminophen: { ...tablet('313782', 'acetaminophen 325 MG Oral Tablet', 3), asNeeded: true },
  ibuprofen: { ...tablet('310965', 'ibuprofen 200 MG Oral Tablet', 3), asNeeded: true },
  cetirizine: tablet('1014676', 'cetirizine hydrochloride 5 MG Oral Tablet'),
  methylphenidate: tablet('1091392', 'methylphenidate hydrochloride 20 MG Oral Tablet'),
  amoxicillin: capsule('308182', 'amoxicillin 250 MG Oral Capsule', 3),
  azithromycin: tablet('308460', 'azithromycin 250 MG Oral Tablet'),
  trimethoprim: tablet('198335', 'sulfamethoxazole 800 MG / trimethoprim 160 MG Oral Tablet', 2),
  albuterol: {
    ...puffs('745752', '200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler [ProAir]', 4),
    asNeeded: true,
  },
  fluticasone: puffs('895994', '120 ACTUAT fluticasone propionate 0.044 MG/ACTUAT Metered Dose Inhaler', 2),
  fluticasoneSalmeterol: puffs(
    '896209',
    '60 ACTUAT fluticasone propionate 0.25 MG/ACTUAT / salmeterol 0.05 MG/ACTUAT Dry Powder Inhaler',
    2,
    1,
  ),
  hydrocortisone: {
    rxnorm: ['106258', 'hydrocortisone 10 MG/ML Topical Cream'],
    dose: [1, '{application}'],
    timesPerDay: 2,
    route: SKIN,
  },
} as const satisfies Record<string, Medication>

export type MedicationName = keyof typeof MEDICATIONS
