import { isoDay, isoInstant } from './calendar.ts'
import { coding, concept } from './coding.ts'
import type { Illness } from './health.ts'
import { startDrug } from './medications.ts'
import { NO_KNOWN_ALLERGY } from './prevention-table.ts'
import { encounterOf, type Life, type Scene, subjectOf } from './scene.ts'

/** A disease known before the story begins. */
export function recordKnown(life: Life, illness: Illness): void {
  life.chart.add(
    {
      ...conditionOf(life, illness.disease, 'problem-list-item'),
      onsetDateTime: isoDay(illness.onset),
      recordedDate: isoDay(illness.treatedFrom),
      recorder: life.chart.practitioner(life.person.clinic, life.person.doctor),
    },
    illness.urn,
  )
}

/** A disease found at this visit, with the drugs it is treated with from now on. */
export function diagnose(scene: Scene, illness: Illness): void {
  illness.treatedFrom = scene.visit.day
  illness.steppedOn = scene.visit.day
  scene.chart.add(
    {
      ...conditionOf(scene, illness.disease, 'problem-list-item'),
      encounter: encounterOf(scene),
      onsetDateTime: isoDay(illness.onset),
      recordedDate: isoInstant(scene.visit.day, scene.minute + 15),
      recorder: scene.doctor,
    },
    illness.urn,
  )
  treat(scene, illness)
}

/** Orders the first drugs, once: at the diagnosis, or at the first visit of the story. */
export function treat(scene: Scene, illness: Illness): void {
  if (illness.isTreated) return
  illness.isTreated = true
  for (const drug of illness.disease.treatment) startDrug(scene, drug, illness.urn)
}

/** Least days between two steps of treatment: the drug before must have had time to work. */
const STEP_DAYS = 120
/** How often an illness that could do with one more drug gets it. */
const STEP_CHANCE = 0.4

/** Adds the next drug where the disease is not yet under control. */
export function stepUp(scene: Scene, illness: Illness): void {
  const next = illness.disease.stepUp?.[illness.steps]
  if (next === undefined || scene.visit.day - illness.steppedOn < STEP_DAYS || !scene.random.chance(STEP_CHANCE)) return
  illness.steps++
  illness.steppedOn = scene.visit.day
  startDrug(scene, next, illness.urn)
}

/** A short illness: it is over after its days, unless the story ends first. */
export function recordEpisode(scene: Scene): string | undefined {
  const { episode, day } = scene.visit
  if (episode === undefined) return undefined
  const over = day + episode.lastsDays
  const isOver = over < scene.end
  return scene.chart.add({
    ...conditionOf(scene, episode, 'encounter-diagnosis', isOver ? RESOLVED : ACTIVE),
    encounter: encounterOf(scene),
    onsetDateTime: isoDay(day - scene.random.integer(0, 2)),
    ...(isOver ? { abatementDateTime: isoDay(over) } : {}),
    recordedDate: isoInstant(day, scene.minute + 15),
    recorder: scene.doctor,
  })
}

const ACTIVE = ['active', 'Active'] as const
const RESOLVED = ['resolved', 'Resolved'] as const
const CATEGORIES = { 'problem-list-item': 'Problem List Item', 'encounter-diagnosis': 'Encounter Diagnosis' }

function conditionOf(
  life: Life,
  { snomed, icd10 }: { snomed: readonly [string, string]; icd10: string },
  category: keyof typeof CATEGORIES,
  status: readonly [string, string] = ACTIVE,
): { resourceType: 'Condition'; [element: string]: unknown } {
  return {
    resourceType: 'Condition',
    clinicalStatus: { coding: [coding('conditionClinical', status)] },
    verificationStatus: { coding: [coding('conditionVerification', ['confirmed', 'Confirmed'])] },
    category: [{ coding: [coding('conditionCategory', [category, CATEGORIES[category]])] }],
    code: {
      coding: [coding('snomed', snomed), { system: 'http://hl7.org/fhir/sid/icd-10-cm', code: icd10 }],
      text: snomed[1].replace(/ \((disorder|finding)\)$/, ''),
    },
    subject: subjectOf(life),
  }
}

/** Allergies, or that none is known. */
export function recordAllergies(life: Life): void {
  const recorded = isoDay(life.start + 20)
  const head = {
    resourceType: 'AllergyIntolerance',
    clinicalStatus: { coding: [coding('allergyClinical', ACTIVE)] },
    verificationStatus: { coding: [coding('allergyVerification', ['confirmed', 'Confirmed'])] },
    patient: subjectOf(life),
    recordedDate: recorded,
    recorder: life.chart.practitioner(life.person.clinic, life.person.doctor),
  }
  if (life.health.allergies.length === 0) life.chart.add({ ...head, code: concept('snomed', NO_KNOWN_ALLERGY) })
  for (const { snomed, category, criticality, reactions } of life.health.allergies)
    life.chart.add({
      ...head,
      type: 'allergy',
      category: [category],
      criticality,
      code: concept('snomed', snomed),
      reaction: [
        {
          manifestation: reactions.map((reaction) => concept('snomed', reaction)),
          severity: criticality === 'high' ? 'severe' : life.random.pick(['mild', 'moderate'] as const),
        },
      ],
    })
}
