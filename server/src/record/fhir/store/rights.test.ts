import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allowedToApplication } from '../../../../../test/fixtures/application-rights.ts'

test('the application may delete current rows, but no version of the history and no chosen id', async () => {
  const refused = [
    'delete from record.history',
    'update record.history set deleted = false',
    'update record.history set version = 1',
    'delete from record.alias',
    'update record.alias set rid = 1',
    'update record.code set code = 1',
    'update record.reference set target = 1',
    'update record.date set lo = 1',
    'update record.quantity set value = 1',
    'truncate record.resource',
    'insert into record.expunge_policy values (1, 0)',
    // Nobody was allowed to.
    'select record.expunge(1, 1::smallint, 1, 1)',
  ]
  const needed = [
    'delete from record.resource',
    'update record.resource set sealed = sealed',
    'update record.history set sealed = sealed',
    'delete from record.code',
    'delete from record.reference',
    'delete from record.date',
    'delete from record.quantity',
  ]
  assert.deepEqual(await allowedToApplication([...refused, ...needed]), needed)
})
