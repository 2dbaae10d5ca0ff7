import { isoInstant } from './calendar.ts'
import { coding, concept, quantity } from './coding.ts'
import { MEASURES, type Measure, type MeasureName, PANELS, type Panel, type PanelName } from './measures-table.ts'
import { encounterOf, type Scene, subjectOf } from './scene.ts'

/** Minutes after the beginning of a visit: vitals are taken, blood is drawn, results come back. */
const VITALS_AFTER = 6
const DRAWN_AFTER = 18
const RESULT_AFTER = 185
/** Laboratories print ranges of adults. */
const ADULT_YEARS = 18

/** Adds one Observation; answers its urn. */
export function observe(scene: Scene, name: MeasureName): string {
  const measure: Measure = MEASURES[name]
  const value = scene.read(name)
  return scene.chart.add({
    ...head(scene, measure.category),
    code: concept('loinc', measure.loinc),
    valueQuantity: quantity(value, unitText(measure.unit), measure.unit),
    ...(scene.age < ADULT_YEARS ? {} : rangeOf(measure, value)),
  })
}

/** Systolic and diastolic in one Observation: https://hl7.org/fhir/R4/bp.html */
export function observeBloodPressure(scene: Scene): void {
  const component = (name: 'systolic' | 'diastolic'): object => ({
    code: concept('loinc', MEASURES[name].loinc),
    valueQuantity: quantity(scene.read(name), 'mmHg', 'mm[Hg]'),
  })
  scene.chart.add({
    ...head(scene, 'vital-signs'),
    code: concept('loinc', ['85354-9', 'Blood pressure panel with all children optional']),
    component: [component('systolic'), component('diastolic')],
  })
}

const SMOKING = {
  never: ['266919005', 'Never smoked tobacco (finding)'],
  former: ['8517006', 'Ex-smoker (finding)'],
  current: ['449868002', 'Smokes tobacco daily (finding)'],
} as const

export function observeSmoking(scene: Scene): void {
  scene.chart.add({
    ...head(scene, 'social-history'),
    code: concept('loinc', ['72166-2', 'Tobacco smoking status']),
    valueCodeableConcept: concept('snomed', SMOKING[scene.health.smoking]),
  })
}

/** A laboratory panel: its Observations and the DiagnosticReport over them. */
export function runPanel(scene: Scene, name: PanelName): void {
  const panel: Panel = PANELS[name]
  const results = panel.measures.map((measure) => observe(scene, measure))
  const outside = panel.measures.filter((measure) => interpretationOf(MEASURES[measure], scene.read(measure)) !== 'N')
  const conclusion =
    outside.length === 0
      ? 'All results within the reference range.'
      : `Outside the reference range: ${outside.map((measure) => MEASURES[measure].loinc[1]).join('; ')}.`
  const { code, display } = { code: 'LAB', display: 'Laboratory' }
  scene.chart.add({
    resourceType: 'DiagnosticReport',
    status: 'final',
    category: [concept('diagnosticService', [code, display])],
    code: concept('loinc', panel.loinc),
    subject: subjectOf(scene),
    encounter: encounterOf(scene),
    effectiveDateTime: isoInstant(scene.visit.day, scene.minute + DRAWN_AFTER),
    issued: isoInstant(scene.visit.day, scene.minute + RESULT_AFTER),
    performer: [scene.chart.organization(scene.site)],
    result: results.map((reference) => ({ reference })),
    ...(scene.age < ADULT_YEARS ? {} : { conclusion }),
  })
}

const CATEGORY_DISPLAY = {
  'vital-signs': 'Vital Signs',
  laboratory: 'Laboratory',
  survey: 'Survey',
  'social-history': 'Social History',
}

function head(
  scene: Scene,
  category: keyof typeof CATEGORY_DISPLAY,
): { resourceType: 'Observation'; [element: string]: unknown } {
  const isLab = category === 'laboratory'
  return {
    resourceType: 'Observation',
    status: 'final',
    category: [{ coding: [coding('observationCategory', [category, CATEGORY_DISPLAY[category]])] }],
    subject: subjectOf(scene),
    encounter: encounterOf(scene),
    effectiveDateTime: isoInstant(scene.visit.day, scene.minute + (isLab ? DRAWN_AFTER : VITALS_AFTER)),
    issued: isoInstant(scene.visit.day, scene.minute + (isLab ? RESULT_AFTER : VITALS_AFTER + 1)),
    performer: [isLab ? scene.chart.organization(scene.site) : scene.doctor],
  }
}

function rangeOf(measure: Measure, value: number): object {
  const { low, high, unit } = measure
  if (low === undefined && high === undefined) return {}
  const code = interpretationOf(measure, value)
  return {
    interpretation: [concept('interpretation', [code, INTERPRETATIONS[code]])],
    referenceRange: [
      {
        ...(low === undefined ? {} : { low: quantity(low, unitText(unit), unit) }),
        ...(high === undefined ? {} : { high: quantity(high, unitText(unit), unit) }),
      },
    ],
  }
}

const INTERPRETATIONS = { L: 'Low', H: 'High', N: 'Normal' } as const

function interpretationOf({ low, high }: Measure, value: number): keyof typeof INTERPRETATIONS {
  return low !== undefined && value < low ? 'L' : high !== undefined && value > high ? 'H' : 'N'
}

/** How people write the UCUM unit. */
function unitText(unit: string): string {
  return UNIT_TEXTS[unit] ?? unit
}

const UNIT_TEXTS: Record<string, string> = {
  'mm[Hg]': 'mmHg',
  '/min': 'per minute',
  Cel: '°C',
  'kg/m2': 'kg/m²',
  '{score}': 'points',
  'mL/min/{1.73_m2}': 'mL/min/1.73 m²',
  '10*3/uL': '10³/µL',
  '10*6/uL': '10⁶/µL',
  'm[IU]/L': 'mIU/L',
}
