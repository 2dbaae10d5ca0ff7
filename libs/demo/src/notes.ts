import { isoInstant } from './calendar.ts'
import { base64Text } from './chart.ts'
import { type Coded, concept } from './coding.ts'
import { encounterOf, type Scene, subjectOf } from './scene.ts'

/** Adds the visit's note: what was told, found, thought and planned, as a doctor would write it. */
export function writeNote(scene: Scene): void {
  const { visit, minute, chart, doctor } = scene
  const written = isoInstant(visit.day, minute + 40)
  chart.add({
    resourceType: 'DocumentReference',
    status: 'current',
    docStatus: 'final',
    type: concept('loinc', typeOf(scene)),
    subject: subjectOf(scene),
    date: written,
    author: [doctor],
    custodian: chart.organization(scene.site),
    content: [
      {
        attachment: {
          contentType: 'text/plain; charset=utf-8',
          language: 'en',
          data: base64Text(textOf(scene)),
          title: typeOf(scene)[1],
          creation: written,
        },
      },
    ],
    context: { encounter: [encounterOf(scene)], period: { start: isoInstant(visit.day, minute), end: written } },
  })
}

function typeOf({ visit }: Scene): Coded {
  if (visit.episode?.place === 'hospital') return ['18842-5', 'Discharge summary']
  if (visit.episode?.place === 'emergency') return ['34111-5', 'Emergency department Note']
  return visit.kind === 'checkup' ? ['34117-2', 'History and physical note'] : ['11506-3', 'Progress note']
}

function textOf(scene: Scene): string {
  const { person, age, story } = scene
  const who = age < 18 ? (person.sex === 'female' ? 'girl' : 'boy') : person.sex === 'female' ? 'woman' : 'man'
  return [
    `${person.given} ${person.family}, ${Math.floor(age)}-year-old ${who}. Synthetic demo record.`,
    '',
    `Reason for the visit: ${complaintOf(scene)}.`,
    `Known: ${knownOf(scene)}.`,
    '',
    `Findings: ${findingsOf(scene)}.`,
    ...(story.length > 0 ? ['', ...story] : []),
    '',
    `Plan: ${plansOf(scene)}`,
    '',
  ].join('\n')
}

function complaintOf({ visit }: Scene): string {
  if (visit.episode) return visit.episode.complaint
  if (visit.found[0]) return visit.found[0].disease.complaint
  return visit.kind === 'checkup' ? 'regular check, no new complaints' : 'planned control'
}

function knownOf({ health, visit }: Scene): string {
  const known = health.illnesses.filter(({ treatedFrom }) => treatedFrom <= visit.day)
  const allergies = health.allergies.map(({ snomed }) => plain(snomed[1]).toLowerCase())
  const text = known.map(({ disease }) => plain(disease.snomed[1]).toLowerCase())
  return [
    ...(text.length > 0 ? text : ['no long-term diseases']),
    ...(allergies.length > 0 ? allergies : ['no known allergies']),
  ].join('; ')
}

function findingsOf({ read, visit, age }: Scene): string {
  if (visit.episode?.place === 'virtual') return 'seen by video, speaks in full sentences, no distress'
  const parts = [`pulse ${read('heartRate')}/min`, `weight ${read('weight')} kg`]
  if (age >= 3) parts.unshift(`blood pressure ${read('systolic')}/${read('diastolic')} mmHg`)
  if (visit.episode)
    parts.push(`temperature ${read('temperature')} °C`, `oxygen saturation ${read('oxygenSaturation')} %`)
  return parts.join(', ')
}

function plansOf({ visit, health }: Scene): string {
  if (visit.episode) return visit.episode.plan
  if (visit.found.length > 0) return visit.found.map(({ disease }) => disease.plan).join(' ')
  const known = health.illnesses.filter(({ treatedFrom }) => treatedFrom <= visit.day)
  return known.length > 0
    ? known
        .slice(0, 2)
        .map(({ disease }) => disease.plan)
        .join(' ')
    : 'Next check in a year.'
}

function plain(display: string): string {
  return display.replace(/ \((disorder|finding|situation)\)$/, '')
}
