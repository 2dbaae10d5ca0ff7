import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** The process's metrics. Labels come from closed sets only: no ids, no patient data. */
export const registry = new Registry()

let defaultsStarted = false
/** Adds event-loop delay, memory and GC metrics of the process; idempotent. */
export function startDefaultMetrics(): void {
  if (defaultsStarted) return
  defaultsStarted = true
  collectDefaultMetrics({ register: registry, prefix: 'salus_' })
}

const LATENCY_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** What Salus measures of itself; docs/reference/metrics.md. */
export const metrics = {
  requestSeconds: new Histogram({
    name: 'salus_http_request_seconds',
    help: 'Time from request to answer, by FHIR interaction and status class.',
    labelNames: ['interaction', 'status'] as const,
    buckets: LATENCY_SECONDS,
    registers: [registry],
  }),
  requestsInFlight: new Gauge({
    name: 'salus_http_requests_in_flight',
    help: 'Requests under way in this process.',
    registers: [registry],
  }),
  commitUnits: new Histogram({
    name: 'salus_commit_units',
    help: 'Units of work that shared one commit.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers: [registry],
  }),
  commitSeconds: new Histogram({
    name: 'salus_commit_seconds',
    help: 'Time one group commit took in PostgreSQL, from sending to durable.',
    buckets: LATENCY_SECONDS,
    registers: [registry],
  }),
  sealSeconds: new Counter({
    name: 'salus_vault_seal_seconds_total',
    help: 'Time spent compressing and sealing bodies.',
    registers: [registry],
  }),
  openSeconds: new Counter({
    name: 'salus_vault_open_seconds_total',
    help: 'Time spent opening sealed bodies.',
    registers: [registry],
  }),
  auditLeaves: new Counter({
    name: 'salus_audit_leaves_total',
    help: 'Audit records made durable by this process.',
    registers: [registry],
  }),
  auditLagSeconds: new Gauge({
    name: 'salus_audit_checkpoint_lag_seconds',
    help: 'Age of the newest signed checkpoint while leaves wait to be signed; 0 when all are.',
    registers: [registry],
  }),
  bulkJobs: new Gauge({
    name: 'salus_bulk_jobs_running',
    help: 'Jobs of $export and $import this process works on.',
    registers: [registry],
  }),
  bulkResources: new Counter({
    name: 'salus_bulk_resources_total',
    help: 'Resources written to files of $export, and stored or refused by $import.',
    labelNames: ['kind'] as const,
    registers: [registry],
  }),
  poolConnections: new Gauge({
    name: 'salus_db_connections',
    help: 'Database connections of this process by state.',
    labelNames: ['state'] as const,
    registers: [registry],
  }),
} as const
