import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { Link } from './link.ts'

/** Sends what the request asks for, in the pieces it names: `a|b` is two packets. */
const server = createServer((socket) => {
  const answer = async (asked: string): Promise<void> => {
    for (const piece of asked.split('|')) {
      socket.write(piece)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    if (asked.includes('bye')) socket.destroy()
  }
  socket.on('data', (data) => void answer(data.toString()))
  socket.on('error', () => undefined)
})
let port = 0

before(async () => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  port = (server.address() as { port: number }).port
})
after(() => {
  server.close()
})

async function ask(answer: string): Promise<[number, string]> {
  const link = await Link.open({ host: '127.0.0.1', port })
  try {
    const { status, body } = await link.send(Buffer.from(answer))
    return [status, body.toString()]
  } finally {
    link.close()
  }
}

test('an answer is whole when its length has arrived, however it was cut', async () => {
  for (const answer of [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r|\n\r\nhe|llo',
    'HT|TP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\n|h|e|l|l|o',
  ])
    assert.deepEqual(await ask(answer), [200, 'hello'])
})

test('one connection carries one answer after the other', async () => {
  const link = await Link.open({ host: '127.0.0.1', port })
  for (const text of ['a', 'bb', '']) {
    const { body } = await link.send(
      Buffer.from(`HTTP/1.1 201 Created\r\nContent-Length: ${text.length}\r\n\r\n${text}`),
    )
    assert.equal(body.toString(), text)
  }
  link.close()
})

test('a lost connection or an answer without a length fails instead of counting', async () => {
  await assert.rejects(ask('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nbye'), /closed/)
  await assert.rejects(ask('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello'), /Content-Length/)
})
