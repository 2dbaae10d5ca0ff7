import { registry } from '../../server/src/kernel/index.ts'
import { page, table } from './page.ts'

interface Metric {
  name: string
  help: string
  type?: string
  labelNames?: readonly string[]
  constructor: { name: string }
}

/** Every metric of `/metrics`. */
export function metricsPage(): string {
  const metrics = registry.getMetricsAsArray() as unknown as Metric[]
  const rows = metrics
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((metric) => [
      `\`${metric.name}\``,
      metric.constructor.name.toLowerCase(),
      (metric.labelNames ?? []).map((label) => `\`${label}\``).join(', '),
      metric.help,
    ])
  return page('Metrics', 'the registry of `server/src/kernel/metrics.ts`', [
    '`GET /metrics` answers in the Prometheus text format. Labels come from closed sets: no ids and no patient data.',
    'Beside these stand the usual metrics of a Node.js process (`salus_process_*`, `salus_nodejs_*`).',
    '',
    ...table(['Metric', 'Kind', 'Labels', 'Meaning'], rows),
  ])
}
