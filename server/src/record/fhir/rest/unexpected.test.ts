import assert from 'node:assert/strict'
import { test } from 'node:test'
import fastify, { type FastifyRequest } from 'fastify'
import { createLog, FaultError, systemClock } from '#kernel'
import { fhirRequestOf } from './http-exchange.ts'
import { type FhirRoutes, fhirRoutes } from './routes.ts'

test('a failure nobody foresaw tells the caller an id and nothing of itself', async () => {
  const lines: string[] = []
  const server = fastify()
  await server.register(
    async (scope) =>
      fhirRoutes(scope, {
        basePath: '/fhir/R4',
        fhirBase: 'http://localhost/fhir/R4',
        clock: systemClock,
        log: createLog({ level: 'error', destination: { write: (line: string) => lines.push(line) } }),
        identity: { authenticate: () => Promise.reject(new Error('Secretname')) },
      } as unknown as FhirRoutes),
    { prefix: '/fhir/R4' },
  )
  const answer = await server.inject('/fhir/R4/Patient')
  assert.equal(answer.statusCode, 500)
  const { issue } = answer.json<{ issue: { details: { coding: { code: string }[] }; diagnostics: string }[] }>()
  assert.equal(issue[0]?.details.coding[0]?.code, 'fhir.http.unexpected')
  assert.ok(issue[0]?.diagnostics.includes(String(answer.headers['x-request-id'])))
  assert.doesNotMatch(answer.body, /Secretname/)
  assert.equal(lines.length, 1)
  await server.close()
})

test('an address with a malformed escape names no resource', () => {
  const request = { method: 'GET', headers: {}, raw: { url: '/fhir/R4/Patient/%E0%A4%A' } } as unknown as FastifyRequest
  assert.throws(
    () => fhirRequestOf(request, '/fhir/R4', 'http://localhost/fhir/R4'),
    (error) => error instanceof FaultError && error.fault.code === 'fhir.http.address-malformed',
  )
})
