import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { test } from 'node:test'
import fastify from 'fastify'
import { createLog, LIMITS, systemClock } from '#kernel'
import { type Closing, createPlaces, type Place, type Places } from './places.ts'
import { type FhirRoutes, fhirRoutes } from './routes.ts'

interface Taken {
  place: Place
  response: EventEmitter
}

function taken(places: Places, client: string): Taken | string {
  const response = new EventEmitter()
  const place = places.take(client, Object.assign(response, { destroyed: false }) as unknown as Closing)
  return 'code' in place ? `${place.category} ${place.code}` : { place, response }
}

function held(places: Places, client: string): Taken {
  const one = taken(places, client)
  assert.ok(typeof one !== 'string')
  return one
}

test('one client cannot take all places, and all clients together no more than there are', () => {
  const places = createPlaces(3, 2)
  const first = held(places, 'a')
  held(places, 'a')
  assert.equal(taken(places, 'a'), 'busy fhir.http.client-busy')
  held(places, 'b')
  assert.equal(taken(places, 'b'), 'busy fhir.http.busy')
  first.response.emit('close')
  held(places, 'b')
  assert.equal(taken(places, 'c'), 'busy fhir.http.busy')
})

test('a place is given back once, when the answer has left and when the client goes away before or amid the work', () => {
  const places = createPlaces(1, 1)
  const answered = held(places, 'a')
  answered.place.begin()
  answered.place.end()
  assert.equal(typeof taken(places, 'a'), 'string')
  answered.response.emit('close')
  const never = held(places, 'a')
  never.response.emit('close')
  never.place.begin()
  never.place.end()
  const amid = held(places, 'a')
  amid.place.begin()
  amid.response.emit('close')
  assert.equal(typeof taken(places, 'a'), 'string')
  amid.place.end()
  held(places, 'a').response.emit('close')
  // Gone before it had a place: nothing will close any more.
  const late = places.take('a', { destroyed: true } as Closing)
  assert.ok('begin' in late)
  late.begin()
  assert.equal(typeof taken(places, 'a'), 'string')
  late.end()
  held(places, 'a')
})

test('a client with all its places taken is answered 429 with Retry-After, others are served, and the places come back', async () => {
  const waiting: (() => void)[] = []
  let isHolding = true
  const server = fastify()
  await server.register(
    async (scope) =>
      fhirRoutes(scope, {
        basePath: '/fhir/R4',
        fhirBase: 'http://localhost/fhir/R4',
        clock: systemClock,
        log: createLog({ level: 'error' }),
        identity: {
          authenticate: async (client: string) => ({ tenant: 1, client, scopes: { allows: () => true }, expires: 0 }),
        },
        store: { vault: { ensureTenant: async () => undefined } },
        search: async () => {
          if (isHolding) await new Promise<void>((resolve) => waiting.push(resolve))
          return { status: 200, body: Buffer.from('{}') }
        },
      } as unknown as FhirRoutes),
    { prefix: '/fhir/R4' },
  )
  await server.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.server.address() as AddressInfo
  const ask = (client: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/fhir/R4/Patient`, { headers: { authorization: client } })
  // One of them goes away: its work, and its place, end with the others'.
  const gone = connect(port, '127.0.0.1')
  gone.write('GET /fhir/R4/Patient HTTP/1.1\r\nhost: x\r\nauthorization: greedy\r\n\r\n')
  const asked = Array.from({ length: LIMITS.requestsPerClientMax - 1 }, () => ask('greedy'))
  while (waiting.length < LIMITS.requestsPerClientMax) await new Promise((resolve) => setImmediate(resolve))
  gone.destroy()
  await once(gone, 'close')
  const refused = await ask('greedy')
  assert.equal(refused.status, 429)
  assert.equal(refused.headers.get('retry-after'), '1')
  assert.match(await refused.text(), /fhir\.http\.client-busy/)
  isHolding = false
  assert.equal((await ask('modest')).status, 200)
  for (const resolve of waiting) resolve()
  for (const response of await Promise.all(asked)) assert.equal(response.status, 200)
  assert.equal((await ask('greedy')).status, 200)
  await server.close()
})
