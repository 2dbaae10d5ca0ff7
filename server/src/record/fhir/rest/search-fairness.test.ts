import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openConnection } from '#db'
import { startTestServer, type TestServer } from '../../../../../test/fixtures/server.ts'

let server: TestServer
before(async () => {
  server = await startTestServer()
})
after(() => server.close())

test('searches of one client that hang leave a connection to the searches of another', async () => {
  const [slow, other] = [await server.client(), await server.client()]
  const owner = await openConnection({ url: server.databaseUrl })
  try {
    await owner.query({ text: 'begin' })
    await owner.query({ text: 'lock table record.quantity in access exclusive mode' })
    let answered = 0
    const hanging = ['value-quantity=5', 'value-quantity=gt5', 'value-quantity=5&status=final'].map(async (query) => {
      const { status } = await slow.get(`Observation?${query}`)
      answered++
      return status
    })
    for (const query of ['status=final', 'status=final&code=a', 'status=final&code=b&category=c'])
      assert.equal((await other.get(`Observation?${query}`)).status, 200)
    assert.equal(answered, 0)
    await owner.query({ text: 'commit' })
    assert.deepEqual(await Promise.all(hanging), [200, 200, 200])
  } finally {
    await owner.close()
  }
})
