import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { Answer, Json, TestClient } from '../fixtures/server.ts'
import { BIRTH_DATE, DEATH_TIME, DIGITS, marker, STEM } from './phi-canary-markers.ts'

/** What is done to the server, and what it refused. */
export interface Load {
  client: TestClient
  url: string
  refusals: { what: string; answer: Answer }[]
}

export const CLIENT_ID = `${STEM}-client-id`
const IDENTIFIER = { system: 'urn:oid:2.999.1', value: `${marker('mrn')}-${DIGITS}` }
const TELEPHONE = '+49 (8264) 093-175'

/** A person with a marker in every kind of field that tells who it is. */
export function markedPatient(more: object = {}): Json {
  return {
    resourceType: 'Patient',
    text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${marker('narrative')}</div>` },
    extension: [{ url: 'https://example.org/maiden', valueString: marker('extension') }],
    identifier: [IDENTIFIER, { system: 'urn:oid:2.999.2', value: DIGITS }],
    name: [
      { text: marker('nametext'), family: marker('family'), given: [marker('given')], prefix: [marker('prefix')] },
    ],
    telecom: [
      { system: 'phone', value: TELEPHONE },
      { system: 'phone', value: `0${DIGITS}` },
      { system: 'email', value: `${marker('mail')}@example.org` },
    ],
    gender: 'female',
    birthDate: BIRTH_DATE,
    deceasedDateTime: DEATH_TIME,
    address: [
      {
        text: marker('addresstext'),
        line: [marker('line')],
        city: marker('city'),
        postalCode: marker('zip'),
        country: 'DE',
      },
    ],
    contact: [{ name: { family: marker('contact') } }],
    generalPractitioner: [{ display: marker('display'), identifier: { value: marker('refid') } }],
    photo: [{ contentType: 'text/plain', data: Buffer.from(marker('photo')).toString('base64') }],
    contained: [{ resourceType: 'Organization', id: 'o', name: marker('contained') }],
    ...more,
  }
}

export async function done(what: string, answer: Promise<Answer>): Promise<Answer> {
  const given = await answer
  assert.ok(given.status < 400, `${what}: ${given.status} ${given.text.slice(0, 500)}`)
  return given
}

async function refused(load: Load, what: string, answer: Promise<Answer>): Promise<void> {
  const given = await answer
  assert.ok(given.status >= 400 && given.status < 500, `${what} was not refused: ${given.status}`)
  load.refusals.push({ what, answer: given })
}

/** Create, update, patch, delete and version marked resources of several types. */
export async function writeMarked({ client }: Load): Promise<string> {
  const created = await done('create', client.post('Patient', markedPatient()))
  const id = created.body.id as string
  const put = await done('client-assigned id', client.put(`Patient/${CLIENT_ID}`, markedPatient({ id: CLIENT_ID })))
  assert.equal(put.status, 201)
  await done('update', client.put(`Patient/${CLIENT_ID}`, markedPatient({ id: CLIENT_ID, active: true })))
  await done(
    'json patch',
    client.patch(`Patient/${id}`, [{ op: 'add', path: '/maritalStatus', value: { text: marker('patch') } }]),
  )
  await done(
    'fhirpath patch',
    client.patch(`Patient/${id}`, fhirPathPatch('Patient.maritalStatus.text', marker('fpatch'))),
  )
  const subject = { reference: `Patient/${id}`, display: marker('subject'), identifier: IDENTIFIER }
  for (const resource of aboutPatient(subject))
    await done(resource.resourceType, client.post(resource.resourceType, resource))
  const gone = await done('create to delete', client.post('Patient', markedPatient()))
  await done('delete', client.delete(`Patient/${gone.body.id}`))
  await done(
    'conditional create',
    client.post('Patient', markedPatient(), { 'if-none-exist': `name=${marker('nobody')}` }),
  )
  const own = { identifier: [{ system: 'urn:x', value: marker('conditional') }] }
  for (const status of [201, 200]) {
    const answer = await done(
      'conditional update',
      client.put(`Patient?identifier=${marker('conditional')}`, markedPatient(own)),
    )
    assert.equal(answer.status, status)
  }
  await done(
    'conditional patch',
    client.patch(`Patient?identifier=${marker('conditional')}`, [{ op: 'add', path: '/active', value: true }]),
  )
  await done('conditional delete', client.delete(`Patient?identifier=${marker('conditional')}`))
  return id
}

/** With a blank a code is no unit, which a library of units may complain of aloud. */
const UCUM = 'http://unitsofmeasure.org'

function aboutPatient(subject: object): Json[] {
  const code = { coding: [{ system: 'http://loinc.org', code: '718-7' }], text: marker('codetext') }
  return [
    {
      resourceType: 'Observation',
      status: 'final',
      code,
      subject,
      valueString: marker('value'),
      note: [{ text: marker('note') }],
      component: [
        { code, valueQuantity: { value: 7, unit: marker('unit'), system: UCUM, code: `mg ${marker('unitcode')}` } },
      ],
    },
    { resourceType: 'Condition', subject, code, note: [{ text: marker('note'), authorString: marker('author') }] },
    { resourceType: 'RelatedPerson', patient: subject, name: [{ family: marker('related') }], birthDate: BIRTH_DATE },
    {
      resourceType: 'Practitioner',
      name: [{ family: marker('practitioner') }],
      birthDate: BIRTH_DATE,
      telecom: [{ system: 'phone', value: DIGITS }],
    },
    {
      resourceType: 'Appointment',
      status: 'booked',
      comment: marker('comment'),
      participant: [
        { actor: subject, status: 'accepted' },
        { actor: { reference: `Patient/${CLIENT_ID}` }, status: 'accepted' },
      ],
    },
    { resourceType: 'Group', type: 'person', actual: true, name: marker('group'), member: [{ entity: subject }] },
    { resourceType: 'Basic', code: { text: marker('basic') }, subject, identifier: [IDENTIFIER] },
    { resourceType: 'Binary', contentType: 'text/plain', data: Buffer.from(marker('binary')).toString('base64') },
    {
      resourceType: 'DocumentReference',
      status: 'current',
      subject,
      description: marker('document'),
      content: [{ attachment: { title: marker('title') } }],
    },
    {
      resourceType: 'QuestionnaireResponse',
      status: 'completed',
      subject,
      item: [{ linkId: '1', answer: [{ valueString: marker('answer') }] }],
    },
  ]
}

function fhirPathPatch(path: string, value: string): Json {
  const part = [
    { name: 'type', valueCode: 'replace' },
    { name: 'path', valueString: path },
    { name: 'value', valueString: value },
  ]
  return { resourceType: 'Parameters', parameter: [{ name: 'operation', part }] }
}

/** A transaction with temporary, conditional and client-assigned references, and a batch that fails in part. */
export async function bundleMarked(load: Load): Promise<void> {
  const { client, refusals } = load
  const fullUrl = 'urn:uuid:0f7ac7ba-1d8e-4f0e-9a5c-0a1b2c3d4e5f'
  const observation = (reference: string): Json => ({
    resourceType: 'Observation',
    status: 'final',
    code: { text: marker('bundlecode') },
    subject: { reference, display: marker('bundledisplay') },
  })
  const own = { identifier: [{ system: 'urn:x', value: marker('bundled') }] }
  const entry = (method: string, url: string, resource?: object, more: object = {}): Json => ({
    ...(resource ? { resource } : {}),
    request: { method, url, ...more },
  })
  await done(
    'transaction',
    client.post('', {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        {
          fullUrl,
          ...entry('POST', 'Patient', markedPatient(own), { ifNoneExist: `identifier=${marker('bundled')}` }),
        },
        entry('POST', 'Observation', observation(fullUrl)),
        entry('POST', 'Observation', observation(`Patient?identifier=${marker('bundled')}`)),
        entry('PUT', `Patient/${STEM}-in-bundle`, markedPatient({ id: `${STEM}-in-bundle` })),
        entry('POST', 'Observation', observation(`Patient/${STEM}-never-stored`)),
        entry('GET', `Patient?name=${marker('family')}`),
      ],
    }),
  )
  const batch = await done(
    'batch',
    client.post('', {
      resourceType: 'Bundle',
      type: 'batch',
      entry: [
        entry('GET', `Patient?birthdate=${marker('date')}`),
        entry('GET', `Patient/${STEM}-unknown`),
        entry('POST', 'Patient', markedPatient({ birthDate: marker('date') })),
        entry('PUT', 'Patient/other-id', markedPatient({ id: CLIENT_ID })),
      ],
    }),
  )
  for (const [index, { response, outcome }] of (batch.body.entry as Json[]).entries()) {
    assert.ok(Number(response.status) >= 400, `batch entry ${index}: ${response.status}`)
    const text = JSON.stringify(outcome ?? response)
    refusals.push({ what: `batch entry ${index}`, answer: { ...batch, status: Number(response.status), text } })
  }
  const failing = [entry('POST', 'Patient', markedPatient({ gender: marker('gender') }))]
  await refused(load, 'invalid entry', client.post('', { resourceType: 'Bundle', type: 'transaction', entry: failing }))
  const dangling = [entry('POST', 'Observation', observation(`Patient?identifier=${marker('nobody')}`))]
  await refused(load, 'no match', client.post('', { resourceType: 'Bundle', type: 'transaction', entry: dangling }))
}

/** Read, and search by every kind of parameter a person can be found by, in the address and in a form. */
export async function readMarked({ client }: Load, id: string): Promise<void> {
  const family = marker('family')
  const queries = [
    `Patient?name=${family}`,
    `Patient?family:exact=${family}&given=${marker('given')}`,
    `Patient?identifier=${encodeURIComponent(`${IDENTIFIER.system}|${IDENTIFIER.value}`)}`,
    `Patient?identifier=${DIGITS}`,
    `Patient?telecom=${encodeURIComponent(TELEPHONE)}`,
    `Patient?phone=0${DIGITS}&email=${marker('mail')}@example.org`,
    `Patient?birthdate=${BIRTH_DATE}`,
    `Patient?death-date=ge${BIRTH_DATE}`,
    `Patient?address=${marker('line')}&address-city=${marker('city')}&address-postalcode=${marker('zip')}`,
    `Patient?_sort=family&family=${family}&_count=1&_total=accurate`,
    `Observation?subject:Patient.name=${family}&_include=Observation:subject`,
    `Observation?subject:Patient.birthdate=${BIRTH_DATE}`,
    `Observation?subject=Patient/${CLIENT_ID}`,
    `Observation?subject=Patient/${STEM}-nobody`,
    `Appointment?actor=Patient/${CLIENT_ID}`,
    `Patient?_id=${CLIENT_ID}&_revinclude=Observation:subject`,
    `Patient/${CLIENT_ID}/Observation?code=718-7`,
    `Patient?general-practitioner:identifier=${marker('refid')}`,
    `Patient?name:contains=${family.slice(1)}&identifier:of-type=x%7Cy%7C${DIGITS}`,
    `Patient?_text=${marker('narrative')}&_content=${family}`,
    `Patient?_filter=${encodeURIComponent(`family co "${family}" or not (given eq ${marker('given')})`)}`,
    `Patient?_has:Observation:patient:patient.family=${family}`,
    `Patient?_list=${STEM}-list`,
    `Observation?subject:Patient._filter=${encodeURIComponent(`name co ${family} and birthdate eq ${BIRTH_DATE}`)}`,
    `Observation?code:text=${marker('text')}`,
  ]
  for (const query of queries) {
    await done(query, client.get(query))
    const [path = '', form = ''] = query.split('?')
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    await done(`POST ${query}`, client.send('POST', `${path}/_search`, form, headers))
  }
  const page = await done('first page', client.get(`Patient?family=${family}&_count=1`))
  const next = page.body.link.find((link: Json) => link.relation === 'next')
  assert.ok(next, 'there is a second page')
  assert.ok(!next.url.toLowerCase().includes(STEM), 'a page link hides what was searched')
  await done('second page', client.get(next.url))
  for (const path of [
    `Patient/${id}`,
    `Patient/${CLIENT_ID}`,
    `Patient/${CLIENT_ID}/_history`,
    `Patient/${CLIENT_ID}/_history/1`,
    'Patient/_history',
    '_history',
  ])
    await done(path, client.get(path))
}

/** Everything a client can get wrong with patients' data in hand. */
export async function sendWrongly(load: Load, id: string): Promise<void> {
  await sendInvalidBodies(load)
  await searchWrongly(load)
  await nameWrongly(load)
  await patchWrongly(load, id)
  await goElsewhere(load)
  // Headers that a proxy or a tracer adds are logged or exported by many servers.
  const headers = {
    'x-request-id': STEM,
    traceparent: `00-${STEM}-01`,
    tracestate: `x=${STEM}`,
    baggage: `name=${STEM}`,
    'user-agent': STEM,
    referer: `https://example.org/${STEM}`,
    from: `${STEM}@example.org`,
    cookie: `name=${STEM}`,
  }
  await done('headers', load.client.get(`Patient/${id}`, headers))
}

function wrongAt(load: Load): (what: string, answer: Promise<Answer>) => Promise<void> {
  return (what, answer) => refused(load, what, answer)
}

/** Bodies that are no resource, no JSON, or no FHIR. */
async function sendInvalidBodies(load: Load): Promise<void> {
  const { client } = load
  const wrong = wrongAt(load)
  const invalid: Record<string, Json> = {
    'unknown element': markedPatient({ favourite: marker('unknown') }),
    'bad date': markedPatient({ birthDate: `${BIRTH_DATE}x` }),
    'bad code': markedPatient({ gender: marker('gender') }),
    'wrong kind': markedPatient({ name: marker('name') }),
    'bad reference': markedPatient({ managingOrganization: { reference: `Nothing/${marker('ref')}` } }),
    'bad narrative': markedPatient({ text: { status: 'generated', div: `<div>${marker('div')}<script/></div>` } }),
    'bad instant': markedPatient({ meta: { lastUpdated: marker('instant') } }),
    'bad type': { resourceType: marker('type') },
    'bad extension': markedPatient({ extension: [{ url: marker('url'), valueBoolean: marker('boolean') }] }),
  }
  for (const [what, resource] of Object.entries(invalid)) await wrong(what, client.post('Patient', resource))
  const bodies = {
    'bad JSON': `{"resourceType":"Patient","name":[{"family":"${marker('json')}"`,
    'no JSON': marker('json'),
    'double key': `{"resourceType":"Patient","id":"${CLIENT_ID}","id":"${CLIENT_ID}"}`,
    array: `["${marker('array')}"]`,
  }
  for (const [what, body] of Object.entries(bodies)) await wrong(what, client.post('Patient', body))
  await wrong('UTF-16', client.post('Patient', Buffer.from(JSON.stringify(markedPatient()), 'utf16le')))
  await wrong('media type', client.send('POST', 'Patient', marker('body'), { 'content-type': `text/${STEM}` }))
}

/** Searches that cannot be read, with what was searched for in them. */
async function searchWrongly(load: Load): Promise<void> {
  const { client } = load
  const wrong = wrongAt(load)
  const queries = [
    'birthdate',
    '_lastUpdated',
    '_count',
    '_sort',
    '_include',
    '_elements:x',
    `name:${STEM}`,
    '_total',
    '_summary',
    'gender:missing',
    STEM,
    `general-practitioner.${STEM}`,
    `_has:${STEM}`,
    '_format',
    '_page',
    'organization:identifier:x',
    'gender:in',
    '_filter',
    '_query',
    '_graph',
    '_contained',
    'identifier:of-type',
    'organization.partof.partof.partof.partof.partof.name',
  ]
  for (const name of queries) await wrong(`search by ${name}`, client.get(`Patient?${name}=${marker('search')}`))
  await wrong('value set', client.get(`Patient?gender:in=urn:${marker('search')}`))
  await wrong('hierarchy', client.get(`Patient?identifier:below=urn:${STEM}%7C${marker('search')}`))
  await wrong('filter', client.get(`Patient?_filter=family%20xx%20${marker('search')}`))
  await wrong('bad form', client.send('POST', 'Patient/_search', marker('form'), { 'content-type': 'text/plain' }))
}

/** Addresses and conditions that name nothing, or something else. */
async function nameWrongly(load: Load): Promise<void> {
  const { client } = load
  const wrong = wrongAt(load)
  await wrong('bad escape', client.get(`Patient/${STEM}%zz`))
  await wrong('unknown type', client.get(`${marker('type')}/1`))
  await wrong('unknown type to write', client.post(STEM, markedPatient()))
  await wrong('unknown id', client.get(`Patient/${STEM}-nobody`))
  await wrong('bad id', client.put(`Patient/${STEM}_!`, markedPatient({ id: `${STEM}_!` })))
  await wrong('other id', client.put(`Patient/${STEM}-other`, markedPatient({ id: CLIENT_ID })))
  await wrong('unknown operation', client.get(`Patient/${CLIENT_ID}/$${STEM}`))
  await wrong('unknown version', client.get(`Patient/${CLIENT_ID}/_history/${STEM}`))
  await wrong('history parameter', client.get(`Patient/${CLIENT_ID}/_history?_since=${marker('since')}`))
  await wrong('several matches', client.put(`Patient?family=${marker('family')}`, markedPatient()))
  await wrong(
    'If-Match',
    client.put(`Patient/${CLIENT_ID}`, markedPatient({ id: CLIENT_ID }), { 'if-match': `W/"${STEM}"` }),
  )
  await wrong(
    'old version',
    client.put(`Patient/${CLIENT_ID}`, markedPatient({ id: CLIENT_ID }), { 'if-match': 'W/"99"' }),
  )
  await wrong('If-None-Exist', client.post('Patient', markedPatient(), { 'if-none-exist': `${STEM}=${marker('x')}` }))
}

/** Patches that are malformed, or do not apply. */
async function patchWrongly(load: Load, id: string): Promise<void> {
  const { client } = load
  const wrong = wrongAt(load)
  const patches: Json[] = [
    [{ op: 'replace', path: `/${STEM}/0`, value: marker('patch') }],
    [{ op: 'test', path: '/birthDate', value: marker('patch') }],
    [{ op: STEM, path: '/birthDate' }],
    [{ op: 'add', path: '/gender', value: marker('patch') }],
    fhirPathPatch(`Patient.${STEM}.where('${marker('path')}')`, marker('patch')),
    fhirPathPatch(`Patient.name[0].family ${marker('syntax')} (`, marker('patch')),
    fhirPathPatch('Patient.birthDate', marker('patch')),
  ]
  for (const [index, patch] of patches.entries()) await wrong(`patch ${index}`, client.patch(`Patient/${id}`, patch))
}

/** What never reaches the FHIR API: other paths, other credentials, broken HTTP. */
async function goElsewhere(load: Load): Promise<void> {
  const { client, url } = load
  const wrong = wrongAt(load)
  await wrong('token', client.get('Patient', { authorization: `Bearer ${marker('token')}` }))
  await wrong('outside', client.get(`${url}/${STEM}?name=${marker('outside')}`))
  await wrong('oauth path', client.get(`${url}/oauth2/${STEM}`))
  const login = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: STEM,
    client_secret: marker('secret'),
    scope: STEM,
  })
  await wrong(
    'login',
    client.send('POST', `${url}/oauth2/token`, login.toString(), {
      authorization: '',
      'content-type': 'application/x-www-form-urlencoded',
    }),
  )
  await wrong('audit search', client.get(`AuditEvent?${STEM}=${marker('audit')}`))
  await wrong(
    'malformed HTTP',
    rawRequest(url, `GET /fhir/R4/Patient?name=${marker('raw')} HTTP/1.1\r\n${STEM} no header\r\n\r\n`),
  )
  await wrong(
    'over-long header',
    rawRequest(url, `GET /fhir/R4/Patient HTTP/1.1\r\nhost: x\r\nx-patient: ${STEM.repeat(4_000)}\r\n\r\n`),
  )
}

/** Bytes on a socket, for what no HTTP client would send. */
function rawRequest(url: string, text: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(text))
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      answer += chunk
    })
    socket.on('error', reject)
    socket.on('close', () =>
      resolve({ status: Number(answer.split(' ')[1]), headers: new Headers(), text: answer, body: undefined }),
    )
  })
}
