import type { SpanContext } from '@opentelemetry/api'
import type { StartSpan } from '#fhir'
import { VERSION } from '#kernel'

export interface Tracing {
  startSpan: StartSpan
  /** Sends what is left. */
  close(): Promise<void>
}

/** W3C Trace Context, https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/**
 * Export one span per FHIR interaction to the collector at `endpoint` (OTLP over HTTP). OpenTelemetry is loaded only here,
 * so that a server without a collector pays neither its start-up time nor its memory. Spans carry the interaction and the
 * status: no address, no search text, no ids.
 */
export async function startTracing(endpoint: string): Promise<Tracing> {
  const [
    { SpanKind, trace, ROOT_CONTEXT },
    { BatchSpanProcessor, TracerProvider },
    { OTLPTraceExporter },
    { resourceFromAttributes },
  ] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ])
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'salus', 'service.version': VERSION }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  })
  const tracer = provider.getTracer('salus')
  return {
    startSpan(traceparent) {
      const parent = parentOf(traceparent)
      const span = tracer.startSpan(
        'fhir',
        { kind: SpanKind.SERVER },
        parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT,
      )
      return {
        end({ interaction, status }) {
          span.updateName(`fhir ${interaction}`)
          span.setAttributes({ 'salus.interaction': interaction, 'http.response.status_code': status })
          span.end()
        },
      }
    },
    close: () => provider.shutdown(),
  }
}

function parentOf(traceparent: string | undefined): SpanContext | undefined {
  const match = traceparent === undefined ? undefined : TRACEPARENT.exec(traceparent)
  const [, traceId, spanId, flags] = match ?? []
  return traceId && spanId && flags
    ? { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
    : undefined
}
