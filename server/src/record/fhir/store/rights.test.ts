import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sqlState } from '#db'
import { allowedToApplication } from '../../../../../test/fixtures/application-rights.ts'
import { startTestServer } from '../../../../../test/fixtures/server.ts'

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

test('the application may seal an earlier version anew, but not empty it', async () => {
  const server = await startTestServer()
  try {
    const client = await server.client()
    for (const active of [true, false]) await client.put('Patient/p', { resourceType: 'Patient', id: 'p', active })
    await client.delete('Patient/p')
    const database = server.platform.database
    await database.query({ text: 'update record.history set sealed = sealed' })
    for (const which of ['not deleted', 'deleted'])
      await assert.rejects(
        database.query({ text: `update record.history set sealed = ''::bytea where ${which}` }),
        (error) => sqlState(error) === '42501',
      )
    assert.equal((await client.get('Patient/p/_history/1')).body.active, true)
  } finally {
    await server.close()
  }
})
