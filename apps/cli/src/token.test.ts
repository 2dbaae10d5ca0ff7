import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { FaultError } from '@salus/server/kernel'
import { fetchToken } from './token.ts'

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
