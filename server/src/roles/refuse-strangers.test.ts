import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Server } from 'node:net'
import { test } from 'node:test'
import { FaultError } from '#kernel'
import { isTrusted, refuseStrangers, trustedPeers } from './refuse-strangers.ts'

test('the proxy and the machine itself are let in, everybody else is not', () => {
  const peers = trustedPeers('10.1.2.3, 192.168.7.0/24,2001:db8::/64')
  for (const address of [
    '127.0.0.1',
    '127.8.9.1',
    '::1',
    '::ffff:127.0.0.1',
    '10.1.2.3',
    '::ffff:10.1.2.3',
    '192.168.7.200',
    '2001:db8::5',
  ])
    assert.ok(isTrusted(peers, address), address)
  for (const address of ['10.1.2.4', '::ffff:10.1.2.4', '192.168.8.1', '2001:db8:1::5', '8.8.8.8', '', undefined])
    assert.ok(!isTrusted(peers, address), address)
})

test('a connection of a stranger is destroyed when it arrives, one of the proxy is not', () => {
  const server = new EventEmitter()
  refuseStrangers(server as unknown as Server, '10.1.2.3')
  const arrives = (remoteAddress: string | undefined): boolean => {
    let isDestroyed = false
    server.emit('connection', { remoteAddress, destroy: () => (isDestroyed = true) })
    return isDestroyed
  }
  assert.equal(arrives('10.1.2.3'), false)
  assert.equal(arrives('127.0.0.1'), false)
  assert.equal(arrives('10.1.2.4'), true)
  assert.equal(arrives(undefined), true)
})

test('what is no address and no block is refused at the start', () => {
  for (const proxy of ['', 'proxy.example.org', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/x', '::/129', '10.0.0.1,'])
    assert.throws(
      () => trustedPeers(proxy),
      (error) => error instanceof FaultError && error.fault.code === 'http.trusted-proxy-malformed',
      proxy,
    )
})
