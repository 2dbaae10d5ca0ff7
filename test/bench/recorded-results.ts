import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../tools/testing/files.ts'
import type { RecordedResult } from './performance-page.ts'

/** The newest result of each benchmark, by its name. Committed, so that a page with one new table keeps the others. */
export const RESULTS_FILE = join(ROOT, 'docs', 'reference', 'performance.json')

export function recordResult(result: RecordedResult): void {
  writeFileSync(RESULTS_FILE, `${JSON.stringify({ ...recorded(), [result.bench]: result }, null, 1)}\n`)
}

/** The newest result of each benchmark in `order`. */
export function newestResults(order: readonly string[]): RecordedResult[] {
  const results = recorded()
  return order.flatMap((name) => results[name] ?? [])
}

function recorded(): Record<string, RecordedResult | undefined> {
  if (!existsSync(RESULTS_FILE)) return {}
  return JSON.parse(readFileSync(RESULTS_FILE, 'utf8')) as Record<string, RecordedResult>
}
