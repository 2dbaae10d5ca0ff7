import { ASYNC, ended, kickOff, linesOf } from '../fixtures/bulk.ts'
import { CLIENT_ID, done, type Load, markedPatient } from './phi-canary-load.ts'
import { DIGITS, marker } from './phi-canary-markers.ts'

const NDJSON = { 'content-type': 'application/fhir+ndjson' }

/** Marked resources through `$import` and `$export`, with marked parameters; the jobs are left, so that what they keep is looked through. */
export async function moveMarked({ client }: Load): Promise<void> {
  const upload = [
    JSON.stringify(markedPatient()),
    `{"resourceType":"Patient","name":[{"family":"${marker('cutline')}"}`,
    JSON.stringify({ resourceType: 'Patient', [marker('element')]: marker('unknownvalue') }),
    JSON.stringify({ resourceType: 'Observation', status: marker('badstatus'), code: { text: marker('code') } }),
  ].join('\n')
  const imported = await done(
    'import',
    kickOff(client, '$import', upload, NDJSON).then((job) => ended(client, job)),
  )
  // They are answered to the client alone; that they say nothing is looked for in what is stored and logged.
  await linesOf(client, imported.body.error)
  const filter = encodeURIComponent(`Patient?family=${marker('family')}`)
  const exporting = await kickOff(client, `$export?_type=Patient,Observation&_typeFilter=${filter}`)
  const exported = await done('export', ended(client, exporting))
  await linesOf(client, exported.body.output)
  const parameter = [{ name: 'patient', valueReference: { reference: `Patient/${CLIENT_ID}` } }]
  const posted = await kickOff(client, 'Patient/$export', { resourceType: 'Parameters', parameter })
  await done('export of a patient', ended(client, posted))
  const url = `https://${DIGITS}.invalid/${marker('path')}?name=${marker('query')}`
  const fetching = await kickOff(client, '$import', { input: [{ type: 'Patient', url }] })
  await client.get(fetching)
  await client.delete(fetching)
}

/** What is refused repeats nothing of the request. */
export async function moveWrongly(load: Load): Promise<void> {
  const { client } = load
  const refuse = async (what: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const sent = { ...ASYNC, ...headers }
    const answer = await (body === undefined ? client.get(path, sent) : client.post(path, body, sent))
    if (answer.status < 400 || answer.status >= 500) throw new Error(`${what} was not refused: ${answer.status}`)
    load.refusals.push({ what, answer })
  }
  for (const name of ['_type', '_since', '_elements', '_typeFilter', '_outputFormat', 'patient', marker('name')])
    await refuse(`export ${name}`, `$export?${name}=${marker('value')}`)
  await refuse('export filter', `$export?_type=Patient&_typeFilter=${encodeURIComponent(`Patient?${marker('p')}=1`)}`)
  const reference = `Patient/${marker('absent')}`
  const parameter = [{ name: 'patient', valueReference: { reference } }]
  await refuse('export patient', 'Patient/$export', { resourceType: 'Parameters', parameter })
  await refuse('export group', `Group/${marker('group')}/$export`)
  await refuse('import manifest', '$import', { input: [{ type: marker('type'), url: 'https://example.org' }] })
  await refuse('import address', '$import', { input: [{ type: 'Patient', url: marker('address') }] })
  await refuse('job', `_bulk/${marker('job')}`)
}
