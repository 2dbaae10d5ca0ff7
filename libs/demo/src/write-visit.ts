import { isoInstant, yearsBetween } from './calendar.ts'
import { type Coded, coding, concept } from './coding.ts'
import { diagnose, recordEpisode, stepUp, treat } from './conditions.ts'
import type { Illness } from './health.ts'
import type { MeasureName, PanelName } from './measures-table.ts'
import { renewDrugs, shortCourse } from './medications.ts'
import { writeNote } from './notes.ts'
import { observe, observeBloodPressure, observeSmoking, runPanel } from './observations.ts'
import { readingsAt } from './physiology.ts'
import { HOSPITAL } from './places-table.ts'
import { perform, screen, vaccinate } from './prevention.ts'
import { isDue, type Life, type Scene, subjectOf } from './scene.ts'
import type { Visit } from './visits.ts'

/** Everything that comes of one visit: Encounter, findings, diagnoses, drugs, vaccines, note. */
export function writeVisit(life: Life, visit: Visit): void {
  const scene = sceneOf(life, visit)
  const episode = recordEpisode(scene)
  if (episode !== undefined) scene.about.push(episode)
  for (const illness of visit.found) {
    diagnose(scene, illness)
    scene.about.push(illness.urn)
  }
  takeVitals(scene)
  if (visit.kind === 'checkup') check(scene)
  if (visit.kind !== 'episode') for (const illness of known(scene)) control(scene, illness)
  if (episode !== undefined) treatEpisode(scene, episode)
  if (visit.kind !== 'follow-up' || scene.random.chance(0.6)) writeNote(scene)
  scene.chart.add(encounter(scene), scene.encounter)
}

function sceneOf(life: Life, visit: Visit): Scene {
  const { person, health, chart, random } = life
  const away = visit.episode?.place === 'emergency' || visit.episode?.place === 'hospital'
  const site = away ? HOSPITAL : person.clinic
  const staff = away ? (visit.episode?.place === 'hospital' ? 1 : 0) : person.doctor
  return {
    ...life,
    visit,
    encounter: chart.newUrn(),
    about: [],
    site,
    doctor: chart.practitioner(site, staff),
    minute: away ? random.integer(60, 1260) : random.integer(32, 66) * 15,
    age: yearsBetween(person.birth, visit.day),
    read: readingsAt({
      person,
      health,
      day: visit.day,
      episode: visit.episode,
      random: random.fork(`day ${visit.day}`),
    }),
    story: [],
  }
}

const known = (scene: Scene): Illness[] =>
  scene.health.illnesses.filter(({ treatedFrom, onset }) => onset < scene.start || treatedFrom <= scene.visit.day)

/** Age from which blood pressure is taken at every visit. */
const BLOOD_PRESSURE_YEARS = 3

function takeVitals(scene: Scene): void {
  const { visit, age } = scene
  if (visit.episode?.place === 'virtual') return
  if (age >= BLOOD_PRESSURE_YEARS) observeBloodPressure(scene)
  observe(scene, 'heartRate')
  if (visit.episode) {
    for (const name of ['temperature', 'respiratoryRate', 'oxygenSaturation'] as const) observe(scene, name)
    for (const name of ['pain', 'peakFlow'] as const)
      if (visit.episode.effects[name] !== undefined) observe(scene, name)
  } else observe(scene, 'weight')
}

/** What a regular check adds. Adults' blood is looked at more often as they grow older. */
function check(scene: Scene): void {
  const { age } = scene
  observe(scene, 'respiratoryRate')
  observe(scene, 'temperature')
  if (age < 20 || isDue(scene, 'height', 1000)) observe(scene, 'height')
  observe(scene, 'bmi')
  if (age >= 16 && isDue(scene, 'smoking', 700)) observeSmoking(scene)
  vaccinate(scene)
  screen(scene)
  renewDrugs(scene)
  if (age < 18) return
  const everyDays = age < 40 ? 1000 : 720
  for (const name of ['metabolic', 'lipids', 'bloodCount'] as const)
    if (isDue(scene, name, everyDays)) runPanel(scene, name)
}

/** Days between two looks at what a long-term disease changes. */
const PANEL_DAYS: Partial<Record<PanelName, number>> = { hba1c: 175, heartFailure: 175 }
const PANEL_DAYS_OTHERWISE = 350

function control(scene: Scene, illness: Illness): void {
  if (!scene.about.includes(illness.urn)) scene.about.push(illness.urn)
  treat(scene, illness)
  for (const name of illness.disease.monitor ?? [])
    if (isDue(scene, name, PANEL_DAYS[name] ?? PANEL_DAYS_OTHERWISE)) runPanel(scene, name)
  for (const name of illness.disease.scores ?? []) score(scene, name)
  stepUp(scene, illness)
}

function score(scene: Scene, name: MeasureName): void {
  // Two diseases may ask for the same score on the same day.
  if (isDue(scene, `score ${name}`, 100)) observe(scene, name)
}

function treatEpisode(scene: Scene, urn: string): void {
  const { episode } = scene.visit
  if (!episode) return
  for (const name of episode.panels ?? []) runPanel(scene, name)
  if (episode.procedure) perform(scene, episode.procedure, urn)
  if (episode.drug) shortCourse(scene, episode.drug, urn, Math.min(10, episode.lastsDays))
}

const CLASSES = {
  clinic: ['AMB', 'ambulatory'],
  virtual: ['VR', 'virtual'],
  emergency: ['EMER', 'emergency'],
  hospital: ['IMP', 'inpatient encounter'],
} as const
const TYPES = {
  virtual: ['448337001', 'Telemedicine consultation with patient (procedure)'],
  emergency: ['50849002', 'Emergency room admission (procedure)'],
  hospital: ['32485007', 'Hospital admission (procedure)'],
} as const
const DAY_MINUTES = 1440

function encounter(scene: Scene): { resourceType: 'Encounter'; [element: string]: unknown } {
  const { visit, minute, random, about } = scene
  const place = visit.episode?.place ?? 'clinic'
  const minutes =
    place === 'hospital'
      ? random.integer(2, 6) * DAY_MINUTES
      : place === 'emergency'
        ? random.integer(70, 260)
        : random.integer(3, 9) * 5
  const period = { start: isoInstant(visit.day, minute), end: isoInstant(visit.day, minute + minutes) }
  const role = place === 'hospital' ? (['DD', 'Discharge diagnosis'] as const) : (['CC', 'Chief complaint'] as const)
  return {
    resourceType: 'Encounter',
    status: 'finished',
    class: coding('actCode', CLASSES[place]),
    type: [concept('snomed', typeOf(scene))],
    subject: subjectOf(scene),
    participant: [
      { type: [concept('participation', ['PPRF', 'primary performer'])], period, individual: scene.doctor },
    ],
    period,
    ...(visit.episode ? { reasonCode: [concept('snomed', visit.episode.snomed)] } : {}),
    ...(about.length > 0 ? { reasonReference: about.map((reference) => ({ reference })) } : {}),
    ...(visit.kind === 'episode' || visit.kind === 'diagnosis'
      ? {
          diagnosis: about
            .slice(0, 1)
            .map((reference) => ({ condition: { reference }, use: concept('diagnosisRole', role) })),
        }
      : {}),
    ...(place === 'hospital'
      ? { hospitalization: { dischargeDisposition: concept('discharge', ['home', 'Home']) } }
      : {}),
    serviceProvider: scene.chart.organization(scene.site),
  }
}

function typeOf({ visit, age }: Scene): Coded {
  const place = visit.episode?.place
  if (place !== undefined && place !== 'clinic') return TYPES[place]
  if (visit.kind === 'checkup')
    return age < 18
      ? ['410620009', 'Well child visit (procedure)']
      : ['162673000', 'General examination of patient (procedure)']
  return visit.kind === 'follow-up'
    ? ['390906007', 'Follow-up encounter (procedure)']
    : ['185345009', 'Encounter for symptom (procedure)']
}
