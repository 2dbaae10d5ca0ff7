import { DAYS_PER_YEAR, type Day, yearsBetween } from './calendar.ts'
import { EPISODES, type Episode } from './episodes-table.ts'
import type { Health, Illness } from './health.ts'
import type { Person } from './person.ts'
import type { Random } from './random.ts'

export interface Visit {
  day: Day
  kind: 'checkup' | 'follow-up' | 'diagnosis' | 'episode'
  /** Diseases found at this visit. */
  found: Illness[]
  episode?: Episode
}

export interface VisitPlan {
  person: Person
  health: Health
  start: Day
  end: Day
  /** 1: as people go; 2: half as often. */
  pace: number
  random: Random
}

/** Ages of the checks of small children, in years; afterwards once a year. */
const CHILD_CHECKS = [0.02, 0.17, 0.34, 0.5, 0.75, 1.1, 1.3, 1.6, 2, 2.5, 3, 4, 4.5]
/** A check this near stands for a follow-up. */
const NEAR_DAYS = 40

/** All visits in order, at most one a day. */
export function planVisits(plan: VisitPlan): Visit[] {
  const checkups = checkupDays(plan)
  const visits: Visit[] = checkups.map((day) => ({ day, kind: 'checkup', found: [] }))
  for (const day of followUpDays(plan))
    if (!checkups.some((other) => Math.abs(other - day) < NEAR_DAYS)) visits.push({ day, kind: 'follow-up', found: [] })
  for (const illness of plan.health.illnesses)
    if (illness.onset >= plan.start) visits.push({ day: illness.treatedFrom, kind: 'diagnosis', found: [illness] })
  visits.push(...episodeVisits(plan))
  return onePerDay(visits.filter(({ day }) => day >= plan.start)).filter(({ day }) => day < plan.end)
}

function checkupDays({ person, start, end, pace, random }: VisitPlan): Day[] {
  const days: Day[] = CHILD_CHECKS.map((age) => person.birth + Math.ceil(age * DAYS_PER_YEAR) + random.integer(0, 6))
  let day = Math.max(start + random.integer(5, 200), person.birth + Math.round(5.4 * DAYS_PER_YEAR))
  while (day < end) {
    days.push(day)
    day += Math.round(random.integer(340, 400) * Math.max(1, pace / 2))
  }
  return days
}

function followUpDays({ health, start, end, pace, random }: VisitPlan): Day[] {
  const days: Day[] = []
  let day = start + random.integer(20, 160)
  while (day < end) {
    const known = health.illnesses.filter(({ treatedFrom }) => treatedFrom < day - NEAR_DAYS)
    if (known.length > 0) days.push(day)
    day += Math.round((known.length >= 3 ? 120 : 175) * pace) + random.integer(-12, 12)
  }
  return days
}

function episodeVisits({ person, health, start, end, pace, random }: VisitPlan): Visit[] {
  const visits: Visit[] = []
  let day = start
  for (;;) {
    const age = yearsBetween(person.birth, day)
    const perYear = (age < 10 ? 1.5 : age < 65 ? 0.6 : 0.85) / Math.max(1, pace / 1.5)
    day += Math.max(12, Math.round((-Math.log(1 - random.next()) / perYear) * DAYS_PER_YEAR))
    if (day >= end) return visits
    const possible = EPISODES.filter((episode) => canHappen(episode, person, health, day))
    if (possible.length > 0) visits.push({ day, kind: 'episode', found: [], episode: weighted(possible, random) })
  }
}

function canHappen({ from, until, sex, needs }: Episode, person: Person, health: Health, day: Day): boolean {
  const age = yearsBetween(person.birth, day)
  if (age < from || age > until || (sex !== undefined && sex !== person.sex)) return false
  return needs === undefined || health.illnesses.some(({ name, treatedFrom }) => name === needs && treatedFrom < day)
}

function weighted(episodes: readonly Episode[], random: Random): Episode {
  let left = random.next() * episodes.reduce((sum, { weight }) => sum + weight, 0)
  for (const episode of episodes) {
    left -= episode.weight
    if (left < 0) return episode
  }
  return episodes.at(-1) as Episode
}

/** A later visit on a taken day moves to the next free one; nobody is diagnosed before they are sick. */
function onePerDay(visits: Visit[]): Visit[] {
  const taken = new Set<Day>()
  for (const visit of visits.sort((a, b) => a.day - b.day)) {
    while (taken.has(visit.day)) visit.day++
    taken.add(visit.day)
  }
  return visits.sort((a, b) => a.day - b.day)
}
