import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { startTracing } from './tracing.ts'

test('a span reaches the collector under the trace of the caller, with interaction and status and nothing else', async () => {
  const bodies: { resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[] }[] = []
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      assert.equal(request.url, '/v1/traces')
      bodies.push(JSON.parse(Buffer.concat(chunks).toString()))
      response.end('{}')
    })
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  try {
    const tracing = await startTracing(`http://127.0.0.1:${(collector.address() as AddressInfo).port}/`)
    tracing
      .startSpan('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')
      .end({ interaction: 'read', status: 200 })
    tracing.startSpan('nonsense').end({ interaction: 'search', status: 400 })
    await tracing.close()
    const spans = bodies.flatMap((body) =>
      body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
    )
    const [read, search] = ['fhir read', 'fhir search'].map((name) => spans.find((span) => span['name'] === name))
    assert.equal(read?.['traceId'], '0af7651916cd43dd8448eb211c80319c')
    assert.equal(read?.['parentSpanId'], 'b7ad6b7169203331')
    const attributes = read?.['attributes'] as { key: string }[]
    assert.deepEqual(attributes.map(({ key }) => key).sort(), ['http.response.status_code', 'salus.interaction'])
    assert.ok(search && search['traceId'] !== read?.['traceId'])
  } finally {
    collector.close()
  }
})
