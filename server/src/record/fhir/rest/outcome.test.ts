import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fault } from '#kernel'
import { outcomeOf, statusOf } from './outcome.ts'

const issueOf = (fault: Fault): unknown => (outcomeOf(fault) as { issue: { code: string }[] }).issue[0]?.code

test('what may be stored is not answered like what is certainly not', () => {
  const message = 'Read it before you send it again.'
  const unknown: Fault = { category: 'unavailable', code: 'audit.ledger.outcome-unknown', message }
  assert.equal(statusOf(unknown), 504)
  assert.equal(issueOf(unknown), 'timeout')
  const away: Fault = { category: 'unavailable', code: 'db.unavailable', message }
  assert.equal(statusOf(away), 503)
  assert.equal(issueOf(away), 'transient')
})
