import { isoDay, isoInstant } from './calendar.ts'
import { concept, quantity, SYSTEMS } from './coding.ts'
import type { DemoResource } from './entry.ts'
import { safeDrug } from './health.ts'
import { MEDICATIONS, type Medication, type MedicationName } from './medications-table.ts'
import { encounterOf, type Scene, subjectOf } from './scene.ts'

interface Order {
  resource: DemoResource
  since: number
  reason: string
}

/** Long-term drugs that are being taken, by name. */
export type Orders = Map<MedicationName, Order>

/** A long-term order is written anew when it is this old. */
const RENEW_DAYS = 330

/** Begins a long-term drug, unless it is taken already. */
export function startDrug(scene: Scene, drug: MedicationName, reason: string): void {
  const name = safeDrug(scene.health, drug, scene.visit.day)
  if (scene.orders.has(name)) return
  stopReplaced(scene, name)
  scene.orders.set(name, { resource: order(scene, name, reason, 'active', 90), since: scene.visit.day, reason })
  scene.story.push(`Started ${MEDICATIONS[name].rxnorm[1]}.`)
}

function stopReplaced(scene: Scene, name: MedicationName): void {
  const replaced = (MEDICATIONS[name] as Medication).replaces as MedicationName | undefined
  const before = replaced === undefined ? undefined : scene.orders.get(replaced)
  if (replaced === undefined || before === undefined) return
  before.resource['status'] = 'stopped'
  scene.orders.delete(replaced)
  scene.story.push(`Stopped ${MEDICATIONS[replaced].rxnorm[1]}.`)
}

/** A drug for some days; it is over by now. */
export function shortCourse(scene: Scene, drug: MedicationName, reason: string, days: number): void {
  const name = safeDrug(scene.health, drug, scene.visit.day)
  order(scene, name, reason, 'completed', days)
  scene.story.push(`Prescribed ${MEDICATIONS[name].rxnorm[1]} for ${days} days.`)
}

/** Orders that ran out are completed and written anew. */
export function renewDrugs(scene: Scene): void {
  const everyDays = RENEW_DAYS * Math.max(1, scene.pace)
  for (const [name, before] of scene.orders) {
    if (scene.visit.day - before.since < everyDays) continue
    before.resource['status'] = 'completed'
    scene.orders.set(name, {
      ...before,
      resource: order(scene, name, before.reason, 'active', 90),
      since: scene.visit.day,
    })
  }
}

function order(scene: Scene, name: MedicationName, reason: string, status: string, days: number): DemoResource {
  const medication: Medication = MEDICATIONS[name]
  scene.chart.add({
    resourceType: 'MedicationRequest',
    status,
    intent: 'order',
    medicationCodeableConcept: concept('rxnorm', medication.rxnorm),
    subject: subjectOf(scene),
    encounter: encounterOf(scene),
    authoredOn: isoInstant(scene.visit.day, scene.minute + 20),
    requester: scene.doctor,
    reasonReference: [{ reference: reason }],
    dosageInstruction: [dosageOf(medication)],
    dispenseRequest: {
      validityPeriod: { start: isoDay(scene.visit.day), end: isoDay(scene.visit.day + 365) },
      numberOfRepeatsAllowed: days >= 90 ? 3 : 0,
      expectedSupplyDuration: quantity(days, 'days', 'd'),
    },
  })
  return scene.chart.last()
}

function dosageOf({ dose, timesPerDay, asNeeded, route }: Medication): object {
  const [value, unit] = dose
  const text = unit.replace(/[{}]/g, '').replace('tbl', 'tablet')
  return {
    sequence: 1,
    text: `${value} ${text}${value > 1 ? 's' : ''}, ${timesPerDay} time${timesPerDay > 1 ? 's' : ''} a day${asNeeded ? ', as needed' : ''}`,
    timing: { repeat: { frequency: timesPerDay, period: 1, periodUnit: 'd' } },
    ...(asNeeded ? { asNeededBoolean: true } : {}),
    route: { coding: [{ system: SYSTEMS.route, code: route[0], display: route[1] }] },
    doseAndRate: [{ doseQuantity: quantity(value, text, unit) }],
  }
}
