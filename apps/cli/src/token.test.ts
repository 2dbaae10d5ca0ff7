import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { FaultError } from '@salus/server/kernel'
import { fetchToken, serverUrl } from './token.ts'

let next: { status: number; body: string } = { status: 200, body: '' }
const server = createServer((_request, response) => response.writeHead(next.status).end(next.body))
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
after(() => server.close())
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

async function faultOf(status: number, body: string): Promise<string> {
  next = { status, body }
  const error = await fetchToken(url, { id: 'a', secret: 'b' }).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof FaultError)
  return `${error.fault.category} ${error.fault.code}`
}

test('a busy token endpoint is told from one that refuses the client, whatever it answers', async () => {
  assert.equal(await faultOf(503, 'away'), 'busy cli.server-busy')
  assert.equal(await faultOf(429, '{}'), 'busy cli.server-busy')
  assert.equal(await faultOf(401, '{"error":"invalid_client"}'), 'unauthenticated cli.client-refused')
  assert.equal(await faultOf(500, '<html>'), 'unauthenticated cli.client-refused')
})

test('the address of a server with a certificate begins with https, and an IPv6 host stands in brackets', (t) => {
  const names = ['SALUS_TLS_CERT', 'SALUS_TLS_KEY', 'SALUS_HTTP_HOST', 'SALUS_HTTP_PORT', 'SALUS_PUBLIC_URL']
  const before = names.map((name) => [name, process.env[name]] as const)
  t.after(() => {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  })
  for (const name of names) delete process.env[name]
  Object.assign(process.env, { SALUS_HTTP_HOST: '::1', SALUS_HTTP_PORT: '8421' })
  assert.equal(serverUrl(), 'http://[::1]:8421')
  // Only read here: what is in the files is looked at by the server.
  Object.assign(process.env, { SALUS_TLS_CERT: import.meta.filename, SALUS_TLS_KEY: import.meta.filename })
  assert.equal(serverUrl(), 'https://[::1]:8421')
  process.env['SALUS_PUBLIC_URL'] = 'http://record.example.org'
  assert.equal(serverUrl(), 'http://record.example.org')
  assert.equal(serverUrl('http://given/'), 'http://given')
})
