import assert from 'node:assert/strict'
import type { Json } from '../fixtures/server.ts'
import { CLIENT_ID, done, type Load, markedPatient } from './phi-canary-load.ts'
import { BIRTH_DATE, marker, STEM } from './phi-canary-markers.ts'

const parameters = (values: Record<string, Json>): Json => ({
  resourceType: 'Parameters',
  parameter: Object.entries(values).map(([name, value]) => ({ name, ...value })),
})
const patientNamed = (id: string): Json => ({ valueReference: { reference: `Patient/${id}` } })

/** Every operation on a marked record, and each with something wrong that holds a marker. */
export async function operateMarked(load: Load, id: string): Promise<void> {
  const { client } = load
  const family = marker('family')
  const first = await done('everything', client.get(`Patient/${id}/$everything?_count=2`))
  const next = first.body.link.find(({ relation }: Json) => relation === 'next')
  assert.ok(!next.url.toLowerCase().includes(STEM), 'a page link hides what it leads to')
  await done('next of everything', client.get(next.url))
  await done('lastn', client.get(`Observation/$lastn?patient=${CLIENT_ID}&code=718-7`))
  await done('summary', client.get(`Patient/${id}/$summary`))
  await done('docref', client.get(`DocumentReference/$docref?patient=${CLIENT_ID}&type=${marker('type')}`))
  const query = `{ PatientList(family: "${family}", _count: 5) { name(family: "${family}") { family } } }`
  await done('graphql', client.post('$graphql', { query }))
  await done('graphql by GET', client.get(`$graphql?query=${encodeURIComponent(query)}`))
  await done('match', client.post('Patient/$match', markedPatient()))
  await done('duplicates', client.get(`Patient/${id}/$salus-duplicates`))
  const tag = { valueMeta: { tag: [{ system: 'urn:x', code: marker('tag') }] } }
  await done('meta-add', client.post(`Patient/${id}/$meta-add`, parameters({ meta: tag })))
  await done('meta', client.get(`Patient/${id}/$meta`))
  await done('diff', client.get(`Patient/${id}/$diff?includeMeta=true`))
  const other = await done('create', client.post('Patient', markedPatient()))
  const both = { 'source-patient': patientNamed(other.body.id), 'target-patient': patientNamed(id) }
  const merged = await done('merge', client.post('Patient/$merge', parameters(both)))
  const { valueReference } = merged.body.parameter.at(-1)
  await done('unmerge', client.post(`${valueReference.reference}/$salus-unmerge`))
  await operateWrongly(load, id)
}

async function operateWrongly({ client, refusals }: Load, id: string): Promise<void> {
  const graphql = (query: string): Json => ({ query, variables: { name: marker('variable') } })
  const reference = { valueReference: { reference: `Patient?name=${marker('family')}` } }
  const wrong = {
    everything: client.get(`Patient/${id}/$everything?start=${BIRTH_DATE}-${marker('date')}&_type=${marker('type')}`),
    page: client.get(`Patient/${id}/$everything?_page=${marker('page')}`),
    lastn: client.get(`Observation/$lastn?patient=${CLIENT_ID}&date=${marker('date')}&code=x`),
    docref: client.get(`DocumentReference/$docref?patient=${marker('family')},x`),
    syntax: client.post('$graphql', graphql(`{ PatientList(family: "${marker('family')}" { id }`)),
    field: client.post('$graphql', graphql(`{ PatientList { x${STEM} } }`)),
    argument: client.post('$graphql', graphql(`{ PatientList(birthdate: "${marker('date')}") { id } }`)),
    path: client.post('$graphql', graphql(`{ PatientList { name(fhirpath: "'${marker('family')}") { family } } }`)),
    match: client.post('Patient/$match', { resourceType: 'Patient', name: [{ family: marker('family') }] }),
    'match of what is invalid': client.post('Patient/$match', markedPatient({ gender: marker('gender') })),
    meta: client.post(`Patient/${id}/$meta-add`, parameters({ meta: { valueMeta: { tag: marker('tag') } } })),
    diff: client.get(`$diff?from=Patient/${CLIENT_ID}&to=${marker('family')}`),
    merge: client.post('Patient/$merge', parameters({ 'source-patient': reference, 'target-patient': reference })),
    expunge: client.post(`Patient/$expunge?id=${CLIENT_ID}&expungeEverything=true`),
  }
  for (const [what, asked] of Object.entries(wrong)) {
    const answer = await asked
    assert.ok(answer.status >= 400 && answer.status < 500, `${what} was not refused: ${answer.status}`)
    refusals.push({ what, answer })
  }
}
