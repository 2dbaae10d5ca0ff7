import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FastifyRequest } from 'fastify'
import { wantedFormat } from './formats.ts'

const asked = (headers: Record<string, string>, query = '', body?: string): string => {
  const request = { headers, ...(body === undefined ? {} : { body: Buffer.from(body) }) } as unknown as FastifyRequest
  try {
    return wantedFormat(request, query)
  } catch (error) {
    return (error as { fault: { code: string } }).fault.code
  }
}

test('Accept decides by quality: JSON wins a tie, XML by name wins one against a wildcard', () => {
  for (const [accept, format] of Object.entries({
    'application/fhir+xml': 'xml',
    'application/xml': 'xml',
    'text/xml': 'xml',
    'Application/FHIR+XML; charset=utf-8; fhirVersion=4.0': 'xml',
    'application/json;q=0.9, application/fhir+xml': 'xml',
    'application/fhir+xml;q=0.8, application/fhir+json;q=0.9': 'json',
    'application/fhir+xml;q=1.0, application/fhir+json;q=1.0': 'json',
    'application/fhir+xml, */*': 'xml',
    'application/fhir+xml;q=0.5, */*': 'json',
    'application/fhir+xml;q=0, */*': 'json',
    'application/fhir+xml;q=x, application/json;q=0.1': 'json',
    'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8': 'json',
    'text/html, application/fhir+xml': 'xml',
    'application/fhir+turtle, application/fhir+xml;q=0.1': 'xml',
    'application/fhir+turtle, application/xml;q=0': 'fhir.http.not-acceptable',
    'text/turtle': 'fhir.http.not-acceptable',
    'text/turtle, application/*': 'json',
    'application/xhtml+xml': 'json',
    nonsense: 'json',
    '*/*': 'json',
  }))
    assert.equal(asked({ accept }), format, accept)
  assert.equal(asked({}), 'json')
})

test('_format comes before Accept, in the address or in the form of a search', () => {
  const accept = 'application/fhir+json'
  for (const name of ['xml', 'text/xml', 'application/xml', 'application/fhir%2Bxml', 'application/fhir+xml'])
    assert.equal(asked({ accept }, `a=b&_format=${name}`), 'xml', name)
  assert.equal(asked({ accept: 'application/fhir+xml' }, '_format=json'), 'json')
  assert.equal(asked({ accept }, '_format=nonsense'), 'fhir.http.not-acceptable')
  const form = { accept, 'content-type': 'application/x-www-form-urlencoded' }
  assert.equal(asked(form, '', 'name=x&_format=xml'), 'xml')
  assert.equal(asked(form, '', 'name=_format'), 'json')
  assert.equal(asked({ accept, 'content-type': 'application/json' }, '', '"?_format=xml"'), 'json')
})

test('who names no format is answered in that of the body', () => {
  const type = { 'content-type': 'application/fhir+xml; charset=utf-8' }
  assert.equal(asked(type), 'xml')
  assert.equal(asked({ ...type, accept: '*/*' }), 'xml')
  assert.equal(asked({ ...type, accept: 'application/fhir+json' }), 'json')
  assert.equal(asked({ 'content-type': 'application/xml-patch+xml' }), 'json')
})
