import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createXmlReader, FhirXmlError, fhirXml } from './index.ts'

type Json = Record<string, unknown>

const written = (resource: Json, pretty = false): string => [...fhirXml(resource, { pretty })].join('')
const inside = (resource: Json): string =>
  /^<\?xml version="1.0" encoding="UTF-8"\?><\w+ xmlns="http:\/\/hl7.org\/fhir">(.*)<\/\w+>$/s.exec(
    written(resource),
  )?.[1] ?? assert.fail(written(resource))

function readBack(xml: string): unknown {
  const reader = createXmlReader({ depthMax: 100, elementsMax: 10_000 })
  return JSON.parse(reader.write(new TextEncoder().encode(xml)) + reader.end())
}

test('elements are written in the order of their definition, whatever the order of the JSON', () => {
  assert.equal(
    inside({
      _birthDate: { id: 'b' },
      birthDate: '1974-12-25',
      name: [{ given: ['Anna', null], _given: [null, { extension: [{ valueCode: 'x', url: 'u' }] }], id: 'n' }],
      active: true,
      id: 'p',
      resourceType: 'Patient',
    }),
    '<id value="p"/><active value="true"/><name id="n"><given value="Anna"/><given><extension url="u"><valueCode value="x"/></extension></given></name><birthDate id="b" value="1974-12-25"/>',
  )
})

test('an entry of a list that is null in both halves is nothing', () => {
  const name = [{ _given: [null, { id: 'g' }] }, { given: [null, 'A'], _given: [null, null] }]
  assert.equal(inside({ resourceType: 'Patient', name }), '<name><given id="g"/></name><name><given value="A"/></name>')
})

test('resources within resources are written within their element', () => {
  assert.equal(
    inside({ resourceType: 'Bundle', type: 'batch', entry: [{ resource: { resourceType: 'Patient', id: 'p' } }] }),
    '<type value="batch"/><entry><resource><Patient><id value="p"/></Patient></resource></entry>',
  )
})

test('numbers keep their written form', () => {
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }
  assert.equal(
    inside({ resourceType: 'Observation', valueQuantity: { value: rawJSON('1.50') } }),
    '<valueQuantity><value value="1.50"/></valueQuantity>',
  )
})

test('everything is escaped, and white space comes back as it was', () => {
  const resource = { resourceType: 'Patient', name: [{ text: `<&>"' \t\n\r]]> &amp; é🩺` }] }
  assert.deepEqual(readBack(written(resource)), resource)
  assert.doesNotMatch(written({ resourceType: 'Patient', language: '"/><active value="true' }), /<active/)
})

test('a narrative is written as it stands, and one that could end itself is not written', () => {
  const text = (div: string): Json => ({ resourceType: 'Patient', text: { div } })
  const div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>a &amp; <br/>b</p></div>'
  assert.equal(inside(text(div)), `<text>${div}</text>`)
  assert.equal(
    inside(text('<div><p>x</p></div>')),
    '<text><div xmlns="http://www.w3.org/1999/xhtml"><p>x</p></div></text>',
  )
  for (const broken of [
    '<div/></text><active value="true"/><text>',
    '<div xmlns="http://www.w3.org/1999/xhtml"></div><active value="true"/>',
    '<div><p></div>',
    '<div>&nbsp;</div>',
    '<div a="1" a="1"/>',
    '<div xmlns="http://hl7.org/fhir"/>',
    '<div xmlns="http://www.w3.org/1999/xhtml"><active xmlns="http://hl7.org/fhir"/></div>',
    '<div><o:p/></div>',
    '<div>\u0001</div>',
    '<div>\ud800</div>',
    'secret',
    '',
  ])
    assert.throws(
      () => written(text(broken)),
      (error) =>
        error instanceof FhirXmlError && error.code === 'not-representable' && !error.message.includes('secret'),
      broken,
    )
})

test('what XML cannot carry and what R4 does not define is refused, not altered', () => {
  for (const resource of [
    { resourceType: 'Patient', language: 'a\u0001' },
    { resourceType: 'Patient', language: 'a\ud800' },
    { resourceType: 'Patient', language: '\uffff' },
    { resourceType: 'Patient', nothing: 'secret' },
    { resourceType: 'Patient', name: { family: 'secret' } },
    { resourceType: 'Patient', active: {} },
    { resourceType: 'Secret' },
    {},
  ])
    assert.throws(
      () => written(resource),
      (error) => error instanceof FhirXmlError && error.code === 'not-representable' && !/secret/i.test(error.message),
      JSON.stringify(resource),
    )
})

test('pretty puts each element on its own line and changes nothing else', () => {
  const resource = { resourceType: 'Patient', id: 'p', name: [{ family: 'Lind' }] }
  assert.match(
    written(resource, true),
    /\n {2}<id value="p"\/>\n {2}<name>\n {4}<family value="Lind"\/>\n {2}<\/name>\n<\/Patient>\n$/,
  )
  assert.deepEqual(readBack(written(resource, true)), resource)
})

test('a large resource comes in pieces', () => {
  const name = Array.from({ length: 20_000 }, () => ({ family: 'Lind' }))
  const pieces = [...fhirXml({ resourceType: 'Patient', name })]
  assert.ok(pieces.length > 5)
  for (const piece of pieces) assert.ok(piece.length < 100_000)
})
