import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { ROOT } from '../../tools/testing/files.ts'

export interface ImportBundle {
  text: string
  resources: number
}

/** Public test data beside the checkout; not part of it. */
const SYNTHEA = join(ROOT, '..', 'shared', 'corpora', 'synthea-r4-bundles')
const GENERATED = 40

/** Transactions to import: Synthea's where they are at hand, else demo patients. */
export async function importBundles(): Promise<{ source: string; bundles: ImportBundle[] }> {
  if (existsSync(SYNTHEA)) return { source: 'Synthea R4 transactions', bundles: synthea() }
  const { demoBundle } = await import('@salus/demo')
  const bundles = Array.from({ length: GENERATED }, (_, n) => {
    const bundle = demoBundle({ seed: 1, index: n, endDate: '2025-12-31' })
    return { text: JSON.stringify(bundle), resources: bundle.entry.length }
  })
  return { source: 'generated demo patients', bundles }
}

function synthea(): ImportBundle[] {
  return readdirSync(SYNTHEA)
    .filter((name) => name.endsWith('.json.gz'))
    .sort()
    .map((name) => {
      const text = gunzipSync(readFileSync(join(SYNTHEA, name))).toString('utf8')
      return { text, resources: (JSON.parse(text) as { entry: unknown[] }).entry.length }
    })
}
