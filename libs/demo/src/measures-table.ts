// table: what is measured, with LOINC code, UCUM unit, the range of healthy adults and how people differ.

import type { Coded } from './coding.ts'

export interface Measure {
  loinc: Coded
  /** UCUM code. */
  unit: string
  decimals: number
  category: 'vital-signs' | 'laboratory' | 'survey'
  /** Reference range of adults, as laboratories print it. Absent: none is printed. */
  low?: number
  high?: number
  /** Mean of healthy adults, women first where they differ. */
  mean: number | readonly [female: number, male: number]
  /** Standard deviation between people, and from day to day in one person. */
  spread: number
  noise: number
  /** No plausible value lies outside. */
  min: number
  max: number
}

const vital = (
  loinc: Coded,
  unit: string,
  decimals: number,
  rest: Omit<Measure, 'loinc' | 'unit' | 'decimals' | 'category'>,
): Measure => ({ loinc, unit, decimals, category: 'vital-signs', ...rest })
const lab = (
  loinc: Coded,
  unit: string,
  decimals: number,
  rest: Omit<Measure, 'loinc' | 'unit' | 'decimals' | 'category'>,
): Measure => ({ loinc, unit, decimals, category: 'laboratory', ...rest })

export const MEASURES = {
  systolic: vital(['8480-6', 'Systolic blood pressure'], 'mm[Hg]', 0, {
    mean: 116,
    spread: 7,
    noise: 5,
    min: 70,
    max: 220,
  }),
  diastolic: vital(['8462-4', 'Diastolic blood pressure'], 'mm[Hg]', 0, {
    mean: 74,
    spread: 5,
    noise: 4,
    min: 40,
    max: 130,
  }),
  heartRate: vital(['8867-4', 'Heart rate'], '/min', 0, { mean: 71, spread: 7, noise: 5, min: 42, max: 190 }),
  respiratoryRate: vital(['9279-1', 'Respiratory rate'], '/min', 0, {
    mean: 14.5,
    spread: 1,
    noise: 1.2,
    min: 9,
    max: 60,
  }),
  temperature: vital(['8310-5', 'Body temperature'], 'Cel', 1, {
    mean: 36.7,
    spread: 0.15,
    noise: 0.2,
    min: 35.2,
    max: 41,
  }),
  oxygenSaturation: vital(['2708-6', 'Oxygen saturation in Arterial blood'], '%', 0, {
    mean: 97.8,
    spread: 0.5,
    noise: 0.5,
    min: 78,
    max: 100,
  }),
  height: vital(['8302-2', 'Body height'], 'cm', 1, { mean: [163.3, 176.5], spread: 0, noise: 0.2, min: 40, max: 215 }),
  weight: vital(['29463-7', 'Body weight'], 'kg', 1, { mean: 70, spread: 0, noise: 0, min: 2, max: 260 }),
  bmi: vital(['39156-5', 'Body mass index (BMI) [Ratio]'], 'kg/m2', 1, {
    mean: 24.6,
    spread: 2.6,
    noise: 0.25,
    min: 12,
    max: 62,
  }),
  pain: {
    loinc: ['72514-3', 'Pain severity - 0-10 verbal numeric rating [Score] - Reported'],
    unit: '{score}',
    decimals: 0,
    category: 'survey',
    mean: 0.6,
    spread: 0.5,
    noise: 0.8,
    min: 0,
    max: 10,
  },
  phq9: {
    loinc: ['44261-6', 'Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]'],
    unit: '{score}',
    decimals: 0,
    category: 'survey',
    mean: 2.4,
    spread: 1,
    noise: 1.3,
    min: 0,
    max: 27,
  },
  gad7: {
    loinc: ['70274-6', 'Generalized anxiety disorder 7 item (GAD-7) total score [Reported.PHQ]'],
    unit: '{score}',
    decimals: 0,
    category: 'survey',
    mean: 2,
    spread: 1,
    noise: 1.2,
    min: 0,
    max: 21,
  },
  peakFlow: {
    loinc: ['33452-4', 'Maximum expiratory gas flow Respiratory system airway by Peak flow meter'],
    unit: 'L/min',
    decimals: 0,
    category: 'survey',
    mean: [410, 550],
    spread: 35,
    noise: 18,
    min: 80,
    max: 750,
  },
  hba1c: lab(['4548-4', 'Hemoglobin A1c/Hemoglobin.total in Blood'], '%', 1, {
    low: 4,
    high: 5.6,
    mean: 5.2,
    spread: 0.15,
    noise: 0.1,
    min: 4,
    max: 14,
  }),
  glucose: lab(['2345-7', 'Glucose [Mass/volume] in Serum or Plasma'], 'mg/dL', 0, {
    low: 70,
    high: 99,
    mean: 87,
    spread: 4,
    noise: 5,
    min: 50,
    max: 480,
  }),
  sodium: lab(['2951-2', 'Sodium [Moles/volume] in Serum or Plasma'], 'mmol/L', 0, {
    low: 136,
    high: 145,
    mean: 140,
    spread: 1,
    noise: 1.3,
    min: 122,
    max: 155,
  }),
  potassium: lab(['2823-3', 'Potassium [Moles/volume] in Serum or Plasma'], 'mmol/L', 1, {
    low: 3.5,
    high: 5.1,
    mean: 4.2,
    spread: 0.15,
    noise: 0.2,
    min: 2.6,
    max: 6.4,
  }),
  creatinine: lab(['2160-0', 'Creatinine [Mass/volume] in Serum or Plasma'], 'mg/dL', 2, {
    low: 0.5,
    high: 1.2,
    mean: [0.74, 0.93],
    spread: 0.07,
    noise: 0.04,
    min: 0.25,
    max: 6,
  }),
  ureaNitrogen: lab(['3094-0', 'Urea nitrogen [Mass/volume] in Serum or Plasma'], 'mg/dL', 0, {
    low: 7,
    high: 20,
    mean: 13.5,
    spread: 2,
    noise: 1.5,
    min: 3,
    max: 90,
  }),
  egfr: lab(
    [
      '98979-8',
      'Glomerular filtration rate [Volume Rate/Area] in Serum, Plasma or Blood by Creatinine-based formula (CKD-EPI 2021)/1.73 sq M',
    ],
    'mL/min/{1.73_m2}',
    0,
    { low: 60, mean: 95, spread: 0, noise: 0, min: 5, max: 150 },
  ),
  cholesterol: lab(['2093-3', 'Cholesterol [Mass/volume] in Serum or Plasma'], 'mg/dL', 0, {
    high: 200,
    mean: 176,
    spread: 14,
    noise: 6,
    min: 90,
    max: 400,
  }),
  triglycerides: lab(['2571-8', 'Triglyceride [Mass/volume] in Serum or Plasma'], 'mg/dL', 0, {
    high: 150,
    mean: 98,
    spread: 18,
    noise: 12,
    min: 35,
    max: 390,
  }),
  hdl: lab(['2085-9', 'Cholesterol in HDL [Mass/volume] in Serum or Plasma'], 'mg/dL', 0, {
    low: 40,
    mean: [60, 51],
    spread: 6,
    noise: 3,
    min: 22,
    max: 105,
  }),
  ldl: lab(['13457-7', 'Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation'], 'mg/dL', 0, {
    high: 130,
    mean: 100,
    spread: 0,
    noise: 0,
    min: 20,
    max: 320,
  }),
  leukocytes: lab(['6690-2', 'Leukocytes [#/volume] in Blood by Automated count'], '10*3/uL', 1, {
    low: 4,
    high: 11,
    mean: 6.7,
    spread: 0.9,
    noise: 0.6,
    min: 1.5,
    max: 30,
  }),
  erythrocytes: lab(['789-8', 'Erythrocytes [#/volume] in Blood by Automated count'], '10*6/uL', 2, {
    low: 3.9,
    high: 5.7,
    mean: 4.7,
    spread: 0,
    noise: 0.04,
    min: 2.2,
    max: 6.8,
  }),
  hemoglobin: lab(['718-7', 'Hemoglobin [Mass/volume] in Blood'], 'g/dL', 1, {
    low: 12,
    high: 17.2,
    mean: [13.6, 15.1],
    spread: 0.5,
    noise: 0.25,
    min: 6.5,
    max: 19,
  }),
  hematocrit: lab(['4544-3', 'Hematocrit [Volume Fraction] of Blood by Automated count'], '%', 1, {
    low: 36,
    high: 51,
    mean: 42,
    spread: 0,
    noise: 0.4,
    min: 20,
    max: 58,
  }),
  mcv: lab(['787-2', 'MCV [Entitic volume] by Automated count'], 'fL', 0, {
    low: 80,
    high: 100,
    mean: 89.5,
    spread: 2,
    noise: 0.8,
    min: 60,
    max: 118,
  }),
  platelets: lab(['777-3', 'Platelets [#/volume] in Blood by Automated count'], '10*3/uL', 0, {
    low: 150,
    high: 400,
    mean: 248,
    spread: 32,
    noise: 15,
    min: 60,
    max: 640,
  }),
  ferritin: lab(['2276-4', 'Ferritin [Mass/volume] in Serum or Plasma'], 'ng/mL', 0, {
    low: 15,
    high: 300,
    mean: [68, 120],
    spread: 14,
    noise: 7,
    min: 2,
    max: 900,
  }),
  tsh: lab(['3016-3', 'Thyrotropin [Units/volume] in Serum or Plasma'], 'm[IU]/L', 2, {
    low: 0.4,
    high: 4.5,
    mean: 1.9,
    spread: 0.4,
    noise: 0.25,
    min: 0.05,
    max: 45,
  }),
  ntProBnp: lab(
    ['33762-6', 'Natriuretic peptide.B prohormone N-Terminal [Mass/volume] in Serum or Plasma'],
    'pg/mL',
    0,
    { high: 125, mean: 58, spread: 15, noise: 14, min: 5, max: 9000 },
  ),
  albuminCreatinine: lab(['9318-7', 'Albumin/Creatinine [Mass Ratio] in Urine'], 'mg/g', 0, {
    high: 30,
    mean: 9,
    spread: 3,
    noise: 3,
    min: 1,
    max: 900,
  }),
} as const satisfies Record<string, Measure>

export type MeasureName = keyof typeof MEASURES

export interface Panel {
  loinc: Coded
  measures: readonly MeasureName[]
}

export const PANELS = {
  metabolic: {
    loinc: ['24321-2', 'Basic metabolic 2000 panel - Serum or Plasma'],
    measures: ['glucose', 'sodium', 'potassium', 'creatinine', 'ureaNitrogen', 'egfr'],
  },
  lipids: {
    loinc: ['24331-1', 'Lipid 1996 panel - Serum or Plasma'],
    measures: ['cholesterol', 'triglycerides', 'hdl', 'ldl'],
  },
  bloodCount: {
    loinc: ['58410-2', 'CBC panel - Blood by Automated count'],
    measures: ['leukocytes', 'erythrocytes', 'hemoglobin', 'hematocrit', 'mcv', 'platelets'],
  },
  hba1c: { loinc: MEASURES.hba1c.loinc, measures: ['hba1c'] },
  thyroid: { loinc: MEASURES.tsh.loinc, measures: ['tsh'] },
  ferritin: { loinc: MEASURES.ferritin.loinc, measures: ['ferritin'] },
  heartFailure: { loinc: MEASURES.ntProBnp.loinc, measures: ['ntProBnp'] },
  kidneyProtein: { loinc: MEASURES.albuminCreatinine.loinc, measures: ['albuminCreatinine'] },
} as const satisfies Record<string, Panel>

export type PanelName = keyof typeof PANELS
