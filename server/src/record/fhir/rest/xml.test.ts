import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createXmlReader } from '@salus/fhir-xml'
import {
  type Answer,
  faultCode,
  type Json,
  startTestServer,
  type TestClient,
  type TestServer,
} from '../../../../../test/fixtures/server.ts'

let server: TestServer
let client: TestClient

const XML = { 'content-type': 'application/fhir+xml' }
const ACCEPT = { accept: 'application/fhir+xml' }
const BOTH = { ...XML, ...ACCEPT }
const div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Anna &amp; co</p></div>'
const patientXml = (inside: string): string => `<Patient xmlns="http://hl7.org/fhir">${inside}</Patient>`

before(async () => {
  server = await startTestServer({ tenants: 2 })
  client = await server.client()
})
after(() => server.close())

/** The answer as JSON, whichever resource it is; fails when it is no XML. */
function resourceOf(answer: Answer): Json {
  assert.equal(answer.headers.get('content-type'), 'application/fhir+xml; charset=utf-8', answer.text)
  const reader = createXmlReader({ depthMax: 100, elementsMax: 1_000_000 })
  return JSON.parse(reader.write(Buffer.from(answer.text)) + reader.end())
}

const codeOf = (answer: Answer): string | undefined => faultCode({ ...answer, body: resourceOf(answer) })

test('a resource sent as XML is the one that JSON shows, and the other way round', async () => {
  const xml = patientXml(
    `<text><status value="generated"/>${div}</text><active value="true"/><name><family value="Xm&amp;lind"/><given value="A"/><given value="B"/></name>`,
  )
  const created = await client.post('Patient', xml, XML)
  assert.equal(created.status, 201, created.text)
  const { id } = resourceOf(created)
  const json = (await client.get(`Patient/${id}`)).body
  assert.equal(json.text.div, div)
  assert.deepEqual(json.name, [{ family: 'Xm&lind', given: ['A', 'B'] }])
  assert.equal(json.active, true)
  const read = await client.get(`Patient/${id}`, ACCEPT)
  assert.deepEqual(resourceOf(read), json)
  assert.equal(read.headers.get('etag'), 'W/"1"')
  assert.equal((await client.get(`Patient?family=${encodeURIComponent('Xm&lind')}`)).body.total, 1)
  const updated = await client.put(`Patient/${id}`, patientXml(`<id value="${id}"/><active value="false"/>`), BOTH)
  assert.equal(resourceOf(updated).active, false)
  assert.equal(resourceOf(await client.get(`Patient/${id}/_history/1`, ACCEPT)).active, true)
  assert.equal(resourceOf(await client.get(`Patient/${id}/_history`, ACCEPT)).entry.length, 2)
  const head = await client.send('HEAD', `Patient/${id}`, undefined, ACCEPT)
  assert.equal(head.headers.get('content-type'), 'application/fhir+xml; charset=utf-8')
  assert.equal(head.text, '')
})

test('decimals keep their written form through XML', async () => {
  const xml =
    '<Observation xmlns="http://hl7.org/fhir"><status value="final"/><code><text value="k"/></code><valueQuantity><value value="1.50"/></valueQuantity></Observation>'
  const { id } = resourceOf(await client.post('Observation', xml, XML))
  assert.match((await client.get(`Observation/${id}`)).text, /"value":1\.50[,}]/)
  assert.match((await client.get(`Observation/${id}`, ACCEPT)).text, /<value value="1\.50"\/>/)
  assert.match((await client.get(`Observation?_id=${id}`, ACCEPT)).text, /<value value="1\.50"\/>/)
  assert.match((await client.get(`Observation/${id}?_format=xml&_pretty=true`)).text, /\n {4}<value value="1\.50"\/>\n/)
})

test('searches, the CapabilityStatement, operations and refusals answer in XML', async () => {
  await client.post('Patient', { resourceType: 'Patient', name: [{ family: 'Svante' }] })
  for (const answer of [
    await client.get('Patient?family=Svante&_format=xml'),
    await client.send('POST', 'Patient/_search', 'family=Svante&_format=xml', {
      'content-type': 'application/x-www-form-urlencoded',
    }),
  ]) {
    const bundle = resourceOf(answer)
    assert.equal(bundle.type, 'searchset')
    assert.equal(bundle.entry[0].resource.name[0].family, 'Svante')
  }
  const statement = resourceOf(await client.get('metadata', ACCEPT))
  assert.ok(statement.format.includes('application/fhir+xml'))
  assert.equal(statement.rest[0].resource.length, 146)
  const missing = await client.get('Patient/never', ACCEPT)
  assert.equal(missing.status, 404)
  assert.equal(codeOf(missing), 'fhir.store.not-found')
  const nobody = await fetch(`${server.fhirBase}/Patient`, { headers: ACCEPT })
  assert.equal(nobody.status, 401)
  assert.match(await nobody.text(), /^<\?xml[^>]*\?><OperationOutcome/)
  const valid = await client.post('Patient/$validate', patientXml('<active value="yes"/><nothing/>'), BOTH)
  assert.equal(valid.status, 200)
  const found = resourceOf(valid).issue.map((one: Json) => `${one.expression?.[0]} ${one.diagnostics}`)
  assert.ok(found.includes("Patient There is no element 'nothing' here."), valid.text)
  assert.ok(
    found.some((one: string) => one.startsWith('Patient.active Must be true or false')),
    valid.text,
  )
})

test('a transaction and a patch may be XML', async () => {
  const bundle = `<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry><fullUrl value="urn:uuid:00000000-0000-4000-8000-000000000001"/><resource><Patient><name><family value="Berg"/></name></Patient></resource><request><method value="POST"/><url value="Patient"/></request></entry><entry><resource><Observation><status value="final"/><code><text value="k"/></code><subject><reference value="urn:uuid:00000000-0000-4000-8000-000000000001"/></subject><valueQuantity><value value="2.0"/></valueQuantity></Observation></resource><request><method value="POST"/><url value="Observation"/></request></entry></Bundle>`
  const answer = await client.post('', bundle, BOTH)
  assert.equal(answer.status, 200, answer.text)
  const [patient, observation] = resourceOf(answer).entry.map((one: Json) => one.response.location)
  assert.match((await client.get(observation)).text, /"value":2\.0/)
  assert.match((await client.get(observation)).body.subject.reference, /^Patient\//)
  const parameters =
    '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/><part><name value="type"/><valueCode value="replace"/></part><part><name value="path"/><valueString value="Patient.name[0].family"/></part><part><name value="value"/><valueString value="Dahl"/></part></parameter></Parameters>'
  const path = patient.split('/').slice(-4, -2).join('/')
  const patched = await client.patch(path, parameters, BOTH)
  assert.equal(resourceOf(patched).name[0].family, 'Dahl')
  const xmlPatch = await client.patch(path, '<diff/>', { 'content-type': 'application/xml-patch+xml' })
  assert.equal(xmlPatch.status, 415)
  assert.equal(faultCode(xmlPatch), 'fhir.http.media-type')
  assert.match(xmlPatch.body.issue[0].diagnostics, /XML Patch/)
})

test('XML is checked as JSON is, and a failed transaction writes nothing', async () => {
  const before = (await client.get('Patient?_summary=count')).body.total
  const invalid = await client.post('Patient', patientXml('<birthDate value="Secret"/>'), BOTH)
  assert.equal(invalid.status, 422)
  assert.equal(codeOf(invalid), 'fhir.validate.value')
  assert.doesNotMatch(invalid.text, /Secret/)
  const active = patientXml(`<text><status value="generated"/>${div.replace('<p>', '<p onclick="x()">')}</text>`)
  assert.equal((await client.post('Patient', active, BOTH)).status, 422)
  const bundle = `<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry><resource><Patient/></resource><request><method value="POST"/><url value="Patient"/></request></entry><entry><resource><Patient><nothing/></Patient></resource><request><method value="POST"/><url value="Patient"/></request></entry></Bundle>`
  assert.equal((await client.post('', bundle, BOTH)).status, 422)
  assert.equal((await client.get('Patient?_summary=count')).body.total, before)
})

test('XML that cannot be read is refused with line and column, without a word of it', async () => {
  const bomb = '<!DOCTYPE a [<!ENTITY b "secret"><!ENTITY c "&b;&b;&b;&b;">]>'
  const attributes = Array.from({ length: 100_000 }, (_, at) => `a${at}="secret"`).join(' ')
  const extensions = '<extension url="u">'.repeat(10_000)
  for (const [body, code, status] of [
    ['secret', 'fhir.xml.syntax', 400],
    [patientXml('<language value="&secret;"/>'), 'fhir.xml.syntax', 400],
    [Buffer.from(patientXml('<language value="secr\u00e9t"/>'), 'latin1'), 'fhir.xml.not-utf8', 400],
    [bomb + patientXml('<language value="&c;"/>'), 'fhir.xml.doctype', 400],
    [patientXml('<language xmlns="secret"/>'), 'fhir.xml.namespace', 400],
    [patientXml('secret'), 'fhir.xml.structure', 400],
    [patientXml('<active value="true"/><id value="secret"/>'), 'fhir.xml.order', 400],
    [patientXml(extensions), 'fhir.xml.too-deep', 400],
    [patientXml(`<name ${attributes}/>`), 'fhir.xml.too-many', 413],
    [patientXml(`<!-- secret ${'-x'.repeat(1024 * 1024)}`), 'fhir.xml.too-long', 413],
    [patientXml(`<language value="${'x'.repeat(16 * 1024 * 1024)}"/>`), 'fhir.http.body-too-large', 413],
  ] as const) {
    const answer = await client.post('Patient', body, BOTH)
    assert.equal(answer.status, status, code)
    assert.equal(codeOf(answer), code)
    assert.doesNotMatch(answer.text, /secret/)
    if (code.startsWith('fhir.xml.')) assert.match(answer.text, /Line \d+, column \d+: /)
  }
  assert.deepEqual(
    server.logLines.filter((line) => /secret|"level":50/.test(line)),
    [],
  )
})

test('a comment or a value without an end is refused long before the end of a large Bundle', async () => {
  const bundle = '<Bundle xmlns="http://hl7.org/fhir"><type value="batch"/>'
  for (const endless of ['<!--', '<language value="']) {
    const answer = await client.post('', `${bundle}${endless}${'x'.repeat(50 * 1024 * 1024)}`, BOTH)
    assert.deepEqual([answer.status, codeOf(answer)], [413, 'fhir.xml.too-long'])
  }
})

test('a large XML body leaves others their turn', async () => {
  const entry = (at: number): string =>
    `<entry><resource><Patient><name><family value="Large${at}"/></name></Patient></resource><request><method value="NONSENSE"/><url value="Patient"/></request></entry>`
  const entries = Array.from({ length: 15_000 }, (_, at) => entry(at)).join('')
  const bundle = `<Bundle xmlns="http://hl7.org/fhir"><type value="batch"/>${entries}</Bundle>`
  let isDone = false
  const sent = client.post('', bundle, BOTH).then((answer) => {
    isDone = true
    return answer
  })
  let reads = 0
  while (!isDone) {
    assert.equal((await fetch(`${server.url}/livez`)).status, 200)
    reads++
  }
  assert.equal((await sent).status, 400)
  assert.ok(reads > 5, `${reads} other requests were answered meanwhile`)
})

test('characters that XML cannot carry are refused as JSON too, before anything is stored', async () => {
  const before = (await client.get('Patient?_summary=count')).body.total
  for (const character of ['\ufffe', '\ud800', '\u0001'])
    for (const patient of [{ name: [{ text: `secret${character}` }] }, { implicitRules: `urn:secret${character}` }]) {
      const answer = await client.post('Patient', JSON.stringify({ resourceType: 'Patient', ...patient }), {
        ...ACCEPT,
        'content-type': 'application/fhir+json',
      })
      assert.deepEqual([answer.status, codeOf(answer)], [422, 'fhir.validate.value'], answer.text)
      assert.doesNotMatch(answer.text, /secret/)
    }
  assert.equal((await client.get('Patient?_summary=count')).body.total, before)
})

/** XML knows no attribute twice; the rules for a narrative, which are of characters and elements, let it pass. */
const NO_XML = {
  resourceType: 'Patient',
  name: [{ family: 'Noxml' }],
  text: {
    status: 'generated',
    div: '<div xmlns="http://www.w3.org/1999/xhtml"><p title="secret" title="b">Anna</p></div>',
  },
}

test('a read of what XML cannot carry is refused as XML, and stays possible as JSON', async () => {
  const { id } = (await client.post('Patient', NO_XML)).body
  const refused = await client.get(`Patient/${id}`, ACCEPT)
  assert.deepEqual([refused.status, codeOf(refused)], [406, 'fhir.xml.not-representable'])
  assert.equal((await client.get(`Patient/${id}`)).body.text.div, NO_XML.text.div)
})

test('what was written is answered, as JSON where XML cannot carry it, and never as if it was not', async () => {
  const json = (answer: Answer): Json => {
    assert.equal(answer.headers.get('content-type'), 'application/fhir+json; charset=utf-8', answer.text)
    return answer.body
  }
  const created = await client.post('Patient', NO_XML, ACCEPT)
  assert.equal(created.status, 201)
  const { id } = json(created)
  const updated = await client.put(`Patient/${id}`, { ...NO_XML, id, active: true }, ACCEPT)
  assert.deepEqual([updated.status, json(updated).active], [200, true])
  const patched = await client.patch(`Patient/${id}`, [{ op: 'replace', path: '/active', value: false }], ACCEPT)
  assert.deepEqual([patched.status, json(patched).active], [200, false])
  const bundle = {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [{ resource: NO_XML, request: { method: 'POST', url: 'Patient' } }],
  }
  const prefer = { prefer: 'return=representation' }
  const done = await client.post('', bundle, { ...ACCEPT, ...prefer })
  assert.deepEqual([done.status, json(done).entry[0].response.status], [200, '201'])
  const parameter = ['source', 'target'].map((name) => ({
    name: `${name}-patient`,
    valueReference: { reference: `Patient/${name}`, nonsense: name },
  }))
  for (const one of ['source', 'target']) await client.put(`Patient/${one}`, { ...NO_XML, id: one })
  const merged = await client.post('Patient/$merge', { resourceType: 'Parameters', parameter }, ACCEPT)
  assert.deepEqual([merged.status, json(merged).resourceType], [200, 'Parameters'])
  const minimal = await client.put(`Patient/${id}`, { ...NO_XML, id }, { ...ACCEPT, prefer: 'return=minimal' })
  assert.deepEqual([minimal.status, minimal.text], [200, ''])
})

test('one resource that XML cannot carry fails no page: an OperationOutcome stands in its place', async () => {
  const { id } = (await client.post('Patient', { ...NO_XML, name: [{ family: 'Page' }] })).body
  const { id: other } = (await client.post('Patient', { resourceType: 'Patient', name: [{ family: 'Page' }] })).body
  for (const answer of [
    await client.get('Patient?family=Page', ACCEPT),
    await client.send('POST', 'Patient/_search', 'family=Page', {
      ...ACCEPT,
      'content-type': 'application/x-www-form-urlencoded',
    }),
  ]) {
    assert.equal(answer.status, 200, answer.text)
    assert.doesNotMatch(answer.text, /secret/)
    const entries: Json[] = resourceOf(answer).entry
    assert.equal(entries.length, 2)
    const [lost, kept] = [id, other].map((one) => entries.find(({ fullUrl }) => fullUrl.endsWith(`/Patient/${one}`)))
    assert.equal(kept.resource.id, other)
    assert.equal(kept.search.mode, 'match')
    assert.equal(lost.resource.resourceType, 'OperationOutcome')
    assert.equal(lost.resource.issue[0].details.coding[0].code, 'fhir.xml.not-representable')
    assert.equal(lost.search.mode, 'outcome')
  }
  const history = await client.get(`Patient/${id}/_history`, ACCEPT)
  assert.equal(resourceOf(history).entry[0].resource.resourceType, 'OperationOutcome')
})

test('a stored Bundle is no page: what XML cannot carry of it is not replaced', async () => {
  const bundle = {
    resourceType: 'Bundle',
    type: 'searchset',
    entry: [{ fullUrl: 'urn:uuid:00000000-0000-4000-8000-000000000001', resource: NO_XML }],
  }
  const { id } = (await client.post('Bundle', bundle)).body
  const answer = await client.get(`Bundle/${id}`, ACCEPT)
  assert.deepEqual([answer.status, codeOf(answer)], [406, 'fhir.xml.not-representable'])
})

test('a refusal that XML cannot carry is told in JSON', async () => {
  const answer = await client.post('Patient', { resourceType: 'Patient', ['x\ufffe']: 1 }, ACCEPT)
  assert.equal(answer.status, 422, answer.text)
  assert.equal(faultCode({ ...answer, body: answer.body ?? resourceOf(answer) })?.startsWith('fhir.validate.'), true)
})

test('XML opens no door that JSON keeps shut: scope, tenant, audit', async () => {
  const { id } = (await client.post('Patient', { resourceType: 'Patient', name: [{ family: 'Holm' }] })).body
  const other = await server.client('system/*.cruds', server.tenants[1])
  assert.equal((await other.get(`Patient/${id}`, ACCEPT)).status, 404)
  const observer = await server.client('system/Observation.rs')
  assert.equal((await observer.get(`Patient/${id}`, ACCEPT)).status, 403)
  assert.equal((await observer.post('Patient', patientXml('<active value="true"/>'), BOTH)).status, 403)
  const before = (await server.audit({ action: 'read' })).length
  await client.get(`Patient/${id}`, ACCEPT)
  assert.equal((await server.audit({ action: 'read' })).length, before + 1)
})
