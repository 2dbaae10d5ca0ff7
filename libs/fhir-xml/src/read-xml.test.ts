import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createXmlReader, FhirXmlError } from './index.ts'

type Limits = Parameters<typeof createXmlReader>[0]
const LIMITS = { depthMax: 100, elementsMax: 10_000 }

function read(xml: string | Uint8Array, pieceBytes = 65_536, limits: Limits = LIMITS): string {
  const bytes = typeof xml === 'string' ? new TextEncoder().encode(xml) : xml
  const reader = createXmlReader(limits)
  let json = ''
  for (let at = 0; at < bytes.length; at += pieceBytes) json += reader.write(bytes.subarray(at, at + pieceBytes))
  return json + reader.end()
}

const patient = (inside: string, attributes = ''): string =>
  `<Patient xmlns="http://hl7.org/fhir"${attributes}>${inside}</Patient>`
const div = (inside: string): string => `<div xmlns="http://www.w3.org/1999/xhtml">${inside}</div>`
const narrative = (markup: string): string => patient(`<text><status value="generated"/>${markup}</text>`)
const refusal = (xml: string | Uint8Array, limits: Limits = LIMITS): FhirXmlError => {
  try {
    read(xml, 65_536, limits)
  } catch (error) {
    assert.ok(error instanceof FhirXmlError, String(error))
    assert.doesNotMatch(error.message, /secret/i)
    return error
  }
  return assert.fail('it was not refused')
}

test('lists, choices, ids, extensions of primitives and contained resources become what they are in JSON', () => {
  const xml = patient(
    `<!-- secret --><?app secret?><id value="p"/>
    <text><status value="generated"/>${div('<p>Anna &amp; <br /> &#160;Lind</p><!-- x -->')}</text>
    <contained><Organization><id value="o"/><name value="Ward"/></Organization></contained>
    <contained><Organization><id value="q"/></Organization></contained>
    <extension url="http://example.org/e"><valueDecimal value="1.50"/></extension>
    <active value="true"/>
    <name id="n"><family value="Lind"><extension url="http://example.org/own"><valueCode value="x"/></extension></family>
      <given value="Anna"/><given id="g"/><given value="B&quot;&#10;"/></name>
    <multipleBirthInteger value="2"/>`,
  )
  const expected =
    '{"resourceType":"Patient","id":"p","text":{"status":"generated","div":' +
    `${JSON.stringify(div('<p>Anna &amp; <br /> &#160;Lind</p><!-- x -->'))}},` +
    '"contained":[{"resourceType":"Organization","id":"o","name":"Ward"},{"resourceType":"Organization","id":"q"}],' +
    '"extension":[{"url":"http://example.org/e","valueDecimal":1.50}],"active":true,' +
    '"name":[{"id":"n","family":"Lind","_family":{"extension":[{"url":"http://example.org/own","valueCode":"x"}]},' +
    '"given":["Anna",null,"B\\"\\n"],"_given":[null,{"id":"g"},null]}],"multipleBirthInteger":2}'
  assert.equal(read(xml), expected)
})

test('pieces may be cut anywhere', () => {
  const xml = `\ufeff<?xml version="1.0" encoding="UTF-8"?>\r\n${narrative(
    `<div\r\nxmlns='http://www.w3.org/1999/xhtml'\r\n>🩺 <b title="é">x</b>\r\n</div>`,
  )}`
  const whole = read(xml)
  assert.equal(
    JSON.parse(whole).text.div,
    `<div\nxmlns='http://www.w3.org/1999/xhtml'\r\n>🩺 <b title="é">x</b>\r\n</div>`,
  )
  for (const bytes of [1, 2, 3, 5, 7, 11]) assert.equal(read(xml, bytes), whole, `pieces of ${bytes}`)
})

test('a Bundle and Parameters hold resources', () => {
  const bundle = JSON.parse(
    read(
      '<f:Bundle xmlns:f="http://hl7.org/fhir"><f:type value="batch"/><f:entry><f:resource><f:Patient><f:active value="false"/></f:Patient></f:resource></f:entry><f:entry/></f:Bundle>',
    ),
  )
  assert.deepEqual(bundle.entry, [{ resource: { resourceType: 'Patient', active: false } }, {}])
  const parameters = JSON.parse(
    read(
      '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="a"/><resource><Patient/></resource></parameter></Parameters>',
    ),
  )
  assert.deepEqual(parameters.parameter, [{ name: 'a', resource: { resourceType: 'Patient' } }])
})

test('a number keeps its written form, and what is no number is passed on for validation to name', () => {
  const value = (text: string): string =>
    /"value":(.*?)\}/.exec(
      read(
        `<Observation xmlns="http://hl7.org/fhir"><valueQuantity><value value="${text}"/></valueQuantity></Observation>`,
      ),
    )?.[1] ?? ''
  for (const number of ['1.50', '-0', '0.000', '1e3', '12345678901234567890.10']) assert.equal(value(number), number)
  for (const other of ['01', '.5', '1.', 'NaN', '1,5', ' 1', '0x1', '']) assert.equal(value(other), `"${other}"`, other)
  assert.equal(
    read(patient('<multipleBirthInteger value="+2"/>')),
    '{"resourceType":"Patient","multipleBirthInteger":2}',
  )
  assert.equal(read(patient('<active value="1"/>')), '{"resourceType":"Patient","active":"1"}')
})

test('what R4 does not define is named once and its content left out', () => {
  assert.equal(
    read(patient('<id value="p"/><nothing value="secret"><x>secret</x></nothing><nothing/><active value="true"/>')),
    '{"resourceType":"Patient","id":"p","nothing":null,"active":true}',
  )
  assert.equal(read('<Nothing xmlns="http://hl7.org/fhir"><a>b</a></Nothing>'), '{"resourceType":"Nothing"}')
  assert.equal(refusal(patient('<nothing/>'.repeat(101))).code, 'structure')
  assert.equal(read(patient('<__proto__/>')), '{"resourceType":"Patient","__proto__":null}')
})

test('elements in another order are refused, with the place', () => {
  const { code, place } = refusal(patient('<active value="true"/>\n<id value="secret"/>'))
  assert.equal(code, 'order')
  assert.equal(place?.line, 2)
  assert.equal(refusal(patient('<name/><active value="true"/><name/>')).code, 'order')
})

test('attributes, text, repetitions and empty elements that FHIR does not know are refused', () => {
  for (const xml of [
    patient('', ' id="secret"'),
    patient('<active value="true" secret="1"/>'),
    patient('<name value="secret"/>'),
    patient('<contained id="x"><Patient/></contained>'),
    patient('secret'),
    patient('<![CDATA[secret]]>'),
    patient('<active value="true"/><active value="false"/>'),
    patient('<active/>'),
    patient('<contained/>'),
    patient('<contained><Patient/><Patient/></contained>'),
  ])
    assert.equal(refusal(xml).code, 'structure', xml)
  assert.doesNotThrow(() =>
    read(
      patient('', ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir x"'),
    ),
  )
})

test('namespaces are checked', () => {
  for (const xml of [
    '<Patient/>',
    '<Patient xmlns="http://example.org/secret"/>',
    patient('<active xmlns="http://example.org/secret" value="true"/>'),
    patient('<active xmlns:s="http://example.org/secret" s:value="true"/>'),
    patient('<div xmlns="http://www.w3.org/1999/xhtml"/>'.replace('div', 'p')),
    narrative('<div>secret</div>'),
  ])
    assert.equal(refusal(xml).code, 'namespace', xml)
})

test('a narrative that would not stand by itself is refused', () => {
  for (const xml of [
    patient('<text><status value="generated"/><h:div>secret</h:div></text>', ' xmlns:h="http://www.w3.org/1999/xhtml"'),
    narrative('<div xmlns="http://www.w3.org/1999/xhtml"><svg xmlns="http://www.w3.org/2000/svg"/></div>'),
    patient(
      `<text><status value="generated"/>${div('<p s:x="secret"/>')}</text>`,
      ' xmlns:s="http://example.org/secret"',
    ),
  ])
    assert.equal(refusal(xml).code, 'structure', xml)
  assert.match(read(narrative(div('<p xml:lang="de">x</p>'))), /xml:lang/)
})

test('document types and entities are refused before they are read', () => {
  const bomb = '<!DOCTYPE a [<!ENTITY a "secret"><!ENTITY b "&a;&a;&a;">]>'
  assert.equal(refusal(`${bomb}${patient('<language value="&b;"/>')}`).code, 'doctype')
  assert.equal(refusal(`<?xml version="1.0"?><!-- > --> ${bomb}`).code, 'doctype')
  assert.equal(
    refusal(`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///secret">]>${patient('<language value="&x;"/>')}`).code,
    'doctype',
  )
  // Cut within the word, only the parser sees it.
  assert.throws(() => read(`${bomb}${patient('')}`, 5), { code: 'doctype' })
  assert.equal(refusal(patient('<language value="&nbsp;"/>')).code, 'syntax')
  assert.equal(read(`<!-- <!DOCTYPE a> -->${patient('')}`), '{"resourceType":"Patient"}')
})

test('what is not well-formed or not UTF-8 is refused with its place', () => {
  for (const xml of ['', 'secret', '{"a":1}', patient('<name>'), `${patient('')}${patient('')}`, patient('<a b=c/>')])
    assert.equal(refusal(xml).code, 'syntax', xml)
  for (const xml of [patient('<language value="\u0001"/>'), patient('<language value="&#0;"/>')])
    assert.equal(refusal(xml).code, 'syntax', xml)
  assert.equal(refusal(`<?xml version="1.1"?>${patient('<language value="&#1;"/>')}`).code, 'syntax')
  const latin = Uint8Array.from(patient('<language value="\u00e9"/>'), (character) => character.charCodeAt(0))
  assert.equal(refusal(latin).code, 'not-utf8')
  assert.equal(refusal(`<?xml version="1.0" encoding="ISO-8859-1"?>${patient('')}`).code, 'not-utf8')
  const { place } = refusal(`${patient('')}\n\n  x`)
  assert.deepEqual(place?.line, 3)
})

test('depth, elements and attributes are limited', () => {
  const extensions = (depth: number): string => '<extension url="u">'.repeat(depth) + '</extension>'.repeat(depth)
  assert.doesNotThrow(() => read(patient(extensions(49))))
  assert.equal(refusal(patient(extensions(50))).code, 'too-deep')
  assert.equal(refusal(patient('<a>'.repeat(10_000)), { ...LIMITS, elementsMax: 20_000 }).code, 'too-deep')
  const deep = narrative(div('<b>'.repeat(9_000)))
  assert.equal(refusal(deep).code, 'too-deep')
  assert.equal(refusal(patient('<name/>'.repeat(10_000))).code, 'too-many')
  const attributes = Array.from({ length: 51 }, (_, at) => ` a${at}="1"`).join('')
  assert.equal(refusal(narrative(`<div${attributes}/>`)).code, 'too-many')
})

test('what has no end is not waited for: a comment, an instruction, white space, a value, a text', () => {
  const mega = 1024 * 1024
  const few = { ...LIMITS, valueCharsMax: 2 * mega }
  for (const xml of [
    patient(`<!--${'-x'.repeat(mega)}`),
    `<!--${'x'.repeat(2 * mega)}`,
    patient(`<?app ${'x'.repeat(2 * mega)}`),
    patient('\n'.repeat(2 * mega)),
    patient(`<language value="${'x'.repeat(3 * mega)}`),
    patient(`<language${' '.repeat(3 * mega)}`),
    narrative(div(`${'x'.repeat(3 * mega)}`)),
    narrative(div(`<!--${'x'.repeat(3 * mega)}`)),
  ])
    assert.equal(refusal(xml, few).code, 'too-long', xml.slice(0, 80))
  for (const xml of [
    patient(`<!--${'x'.repeat(mega - 70_000)}--><!--${'x'.repeat(mega - 70_000)}--><active value="true"/>`),
    patient(`<language value="${'x'.repeat(2 * mega - 70_000)}"/>`),
    narrative(div(`<p>${'x'.repeat(2 * mega - 70_000)}</p><p>${'x'.repeat(2 * mega - 70_000)}</p>`)),
  ])
    assert.ok(read(xml, 65_536, few).length > 30)
})
