import type { Day } from './calendar.ts'
import type { Chart } from './chart.ts'
import type { Health } from './health.ts'
import type { MeasureName } from './measures-table.ts'
import type { Orders } from './medications.ts'
import type { Person } from './person.ts'
import type { Site } from './places-table.ts'
import type { Random } from './random.ts'
import type { Visit } from './visits.ts'

/** What holds through all visits of one patient. */
export interface Life {
  chart: Chart
  person: Person
  health: Health
  /** First and last day of what is told. */
  start: Day
  end: Day
  pace: number
  random: Random
  orders: Orders
  /** When each panel, screening or score was last done. */
  lastDone: Map<string, Day>
}

/** One visit as it happens. */
export interface Scene extends Life {
  visit: Visit
  encounter: string
  /** The disease or episode that the visit is about: urns of Conditions. */
  about: string[]
  site: Site
  doctor: object
  /** Minute of the day at which it begins. */
  minute: number
  age: number
  read: (name: MeasureName) => number
  /** Sentences for the note, as things are done. */
  story: string[]
}

/** Done again only when its time has come; says yes at most once in `everyDays`. */
export function isDue(scene: Scene, what: string, everyDays: number): boolean {
  const last = scene.lastDone.get(what)
  // A tenth early is due too: visits do not fall on exact anniversaries.
  if (last !== undefined && scene.visit.day - last < everyDays * 0.9 * Math.max(1, scene.pace)) return false
  scene.lastDone.set(what, scene.visit.day)
  return true
}

export const subjectOf = (scene: { person: Person }): { reference: string } => ({ reference: scene.person.urn })
export const encounterOf = (scene: Scene): { reference: string } => ({ reference: scene.encounter })
