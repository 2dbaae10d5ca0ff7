import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isIP } from 'node:net'
import { test } from 'node:test'
import { FaultError } from './fault.ts'
import { isPublic, outboundGet } from './outbound.ts'

/** A file server, and its address. */
async function serving(answer: RequestListener): Promise<{ host: string; close(): void }> {
  const server = createServer(answer)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function textOf(url: string, options: { allow: string; silentMs?: number }): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of await outboundGet(options)(url, { signal: new AbortController().signal }))
    pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

const faultOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => (error instanceof FaultError ? error.fault.code : String(error)),
  )

test('public addresses are those of the Internet, in both families', () => {
  const check = (address: string): boolean => isPublic({ address, family: isIP(address) })
  for (const address of ['8.8.8.8', '172.15.255.255', '172.32.0.1', '100.63.255.255', '2606:4700::1', '2a00::1'])
    assert.equal(check(address), true, address)
  for (const address of [
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.19.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    'fc00::1',
    'fe80::1',
    'ff02::1',
    '2001:db8::1',
    '2002:7f00:1::',
  ])
    assert.equal(check(address), false, address)
})

test('only https to public addresses is fetched, however the address is written', async () => {
  for (const url of [
    'http://example.org/x',
    'ftp://example.org/x',
    'file:///etc/passwd',
    'https://127.0.0.1/x',
    'https://2130706433/x',
    'https://0x7f.1/x',
    'https://localhost/x',
    'https://[::1]/x',
    'https://[::ffff:127.0.0.1]/x',
    'https://169.254.169.254/latest/meta-data',
    'https://user:word@8.8.8.8/x',
    'no address',
  ])
    assert.equal(await faultOf(textOf(url, { allow: '' })), 'kernel.outbound.address-refused', url)
})

test('a host that is allowed may be private and plain; with a port, at that port only', async (t) => {
  const files = await serving((_request, response) => response.end('a\nb'))
  t.after(() => files.close())
  assert.equal(await textOf(`http://${files.host}/x`, { allow: `other.example, ${files.host}` }), 'a\nb')
  assert.equal(await textOf(`http://${files.host}/x`, { allow: '127.0.0.1' }), 'a\nb')
  assert.equal(
    await faultOf(textOf(`http://${files.host}/x`, { allow: '127.0.0.1:1' })),
    'kernel.outbound.address-refused',
  )
})

test('redirects, other statuses, encodings, and bodies that break off or fall silent are refused', async (t) => {
  const files = await serving((request, response) => {
    if (request.url === '/moved') response.writeHead(307, { location: '/x' }).end()
    else if (request.url === '/gone') response.writeHead(404).end()
    else if (request.url === '/encoded') response.writeHead(200, { 'content-encoding': 'gzip' }).end('x')
    else if (request.url === '/broken') {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half')
      setTimeout(() => response.destroy(), 20)
    } else response.write('and then nothing')
  })
  t.after(() => files.close())
  const fault = (path: string) => faultOf(textOf(`http://${files.host}${path}`, { allow: files.host, silentMs: 200 }))
  for (const path of ['/moved', '/gone', '/encoded'])
    assert.equal(await fault(path), 'kernel.outbound.answer-refused', path)
  for (const path of ['/broken', '/silent']) assert.equal(await fault(path), 'kernel.outbound.unreachable', path)
  assert.equal(await faultOf(textOf('https://no-such-host.invalid/', { allow: '' })), 'kernel.outbound.unreachable')
})
