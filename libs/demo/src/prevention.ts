import { DAYS_PER_YEAR, isoInstant, monthOf } from './calendar.ts'
import { coding, concept, quantity, SYSTEMS } from './coding.ts'
import { INFLUENZA, SCREENINGS, VACCINES, type Vaccine } from './prevention-table.ts'
import { encounterOf, isDue, type Scene, subjectOf } from './scene.ts'

/** Doses that fell due since the last check, and influenza in autumn. Catch-up looks back at most this far. */
const CATCH_UP_DAYS = 500

export function vaccinate(scene: Scene): void {
  const { visit, person, random } = scene
  for (const vaccine of VACCINES) {
    for (const age of vaccine.ages) {
      const due = person.birth + Math.round(age * DAYS_PER_YEAR)
      const isOpen = due <= visit.day && due >= Math.max(scene.start, visit.day - CATCH_UP_DAYS)
      const key = `cvx ${vaccine.cvx[0]} ${age}`
      if (!isOpen || scene.lastDone.has(key)) continue
      scene.lastDone.set(key, visit.day)
      if (random.chance(0.93)) immunize(scene, vaccine)
    }
  }
  if (monthOf(visit.day) >= 9 && random.chance(0.55) && isDue(scene, 'influenza', 300)) immunize(scene, INFLUENZA)
}

function immunize(scene: Scene, { cvx, doseMl }: Vaccine): void {
  scene.chart.add({
    resourceType: 'Immunization',
    status: 'completed',
    vaccineCode: concept('cvx', cvx),
    patient: subjectOf(scene),
    encounter: encounterOf(scene),
    occurrenceDateTime: isoInstant(scene.visit.day, scene.minute + 25),
    primarySource: true,
    lotNumber: `DEMO-${scene.random.integer(1000, 9999)}`,
    route: { coding: [{ system: SYSTEMS.route, code: 'IM', display: 'Injection, intramuscular' }] },
    doseQuantity: quantity(doseMl, 'mL'),
    performer: [{ actor: scene.doctor }],
  })
  scene.story.push(`Vaccine given: ${cvx[1]}.`)
}

/** Screenings that are due at this age. */
export function screen(scene: Scene): void {
  for (const { snomed, from, until, everyYears, sex } of SCREENINGS) {
    if (scene.age < from || scene.age > until || (sex !== undefined && sex !== scene.person.sex)) continue
    // Not everybody has had the first one at the first visit of the story.
    if (!scene.lastDone.has(snomed[0]) && everyYears > 3 && scene.random.chance(0.6)) continue
    if (isDue(scene, snomed[0], everyYears * DAYS_PER_YEAR)) perform(scene, snomed)
  }
}

/** Adds a Procedure of some minutes. */
export function perform(scene: Scene, code: readonly [string, string], reason?: string): void {
  scene.chart.add({
    resourceType: 'Procedure',
    status: 'completed',
    code: { coding: [coding('snomed', code)], text: code[1].replace(' (procedure)', '') },
    subject: subjectOf(scene),
    encounter: encounterOf(scene),
    performedPeriod: {
      start: isoInstant(scene.visit.day, scene.minute + 10),
      end: isoInstant(scene.visit.day, scene.minute + 24),
    },
    performer: [{ actor: scene.doctor }],
    ...(reason === undefined ? {} : { reasonReference: [{ reference: reason }] }),
  })
  scene.story.push(`Done: ${code[1].replace(' (procedure)', '').toLowerCase()}.`)
}
