import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reasonsOf } from './load-outcome.ts'
import { addRefusal, newReport, reportText } from './load-report.ts'

const salus = { coding: [{ system: 'https://salus.health/fault', code: 'fhir.validate.required' }] }

test('codes, expressions and the messages of a Salus server are told; warnings are no reasons', () => {
  const outcome = {
    issue: [
      { severity: 'warning', code: 'informational' },
      {
        severity: 'error',
        code: 'required',
        details: salus,
        diagnostics: 'This element is required.',
        expression: ['Bundle.entry[3].resource.gender'],
      },
    ],
  }
  assert.deepEqual(reasonsOf(422, outcome), [
    {
      status: 422,
      code: 'fhir.validate.required',
      expression: 'Bundle.entry[3].resource.gender',
      message: 'This element is required.',
    },
  ])
})

test('nothing that another server says about the data is told', () => {
  const outcome = {
    issue: [
      {
        severity: 'error',
        code: 'value',
        diagnostics: 'Jane Roe is no date',
        details: { text: 'Jane Roe' },
        expression: ["Patient.name.where(family='Roe')"],
      },
    ],
  }
  assert.deepEqual(reasonsOf(400, outcome), [{ status: 400, code: 'value' }])
  assert.doesNotMatch(JSON.stringify(reasonsOf(400, outcome)), /Roe/)
})

test('an answer without an OperationOutcome is told by its status', () => {
  for (const outcome of [
    undefined,
    null,
    'text',
    {},
    { issue: 'x' },
    { issue: [null] },
    { issue: [{ severity: 'error', code: '<b>' }] },
  ])
    assert.deepEqual(reasonsOf(500, outcome), [{ status: 500, code: 'http.500' }])
  assert.equal(reasonsOf(422, { issue: Array.from({ length: 500 }, () => ({ code: 'value' })) }).length, 10)
})

test('equal refusals stand together with the first place, and what was not sent says what to do', () => {
  const report = newReport('http://127.0.0.1:1', 2)
  report.resources = { stored: 1200, existing: 0, refused: 3 }
  report.seconds = 2
  for (const entry of [4, 9])
    addRefusal(report, {
      file: 'a.json',
      place: `entry ${entry}`,
      type: 'Patient',
      status: 422,
      code: 'fhir.validate.value',
      expression: `Bundle.entry[${entry}].resource.birthDate`,
      message: 'Not a date.',
    })
  addRefusal(report, { file: 'b.json', place: '', type: '', status: 0, code: 'load.json-broken' })
  const text = reportText(report, 'file')
  assert.match(text, /^Stored 1,200 resources of 2 files in 2\.0 s, 600 a second\./)
  assert.match(text, /2 x 422 fhir\.validate\.value Patient birthDate: Not a date\.\n {6}first: a\.json, entry 4\n/)
  assert.match(text, /1 x load\.json-broken: Not valid JSON\.\n {6}first: b\.json\n/)
})

test('the list of refusals is bounded, their number is not', () => {
  const report = newReport('http://127.0.0.1:1', 1)
  for (let index = 0; index < 10_500; index++)
    addRefusal(report, { file: 'a', place: '', type: '', status: 0, code: 'load.json-broken' })
  assert.equal(report.refusals.length, 10_000)
  assert.equal(report.refusalsLeftOff, 500)
})
