import type { TestServer } from '../fixtures/server.ts'

/** What came of one case; `reason` says in one line why it failed or was skipped. */
export interface Case {
  name: string
  outcome: 'passed' | 'failed' | 'skipped'
  reason?: string
  /** What to know of a case that passed. */
  note?: string
}

/** One body of outside material that the running product is measured by. */
export interface Suite {
  name: string
  /** What a passed case proves, for the reference page. */
  proves: string
  /** Folders below the corpora that it reads. */
  folders: readonly string[]
  /** `corpora` is the directory that holds the folders; the server is fresh. */
  run(server: TestServer, corpora: string): AsyncIterable<Case>
}

/** A suite of a library: it needs no server. */
export interface LibrarySuite extends Omit<Suite, 'run'> {
  runLibrary(corpora: string): Iterable<Case> | AsyncIterable<Case>
}

export const passed = (name: string, note?: string): Case => ({
  name,
  outcome: 'passed',
  ...(note === undefined ? {} : { note }),
})
export const failed = (name: string, reason: string): Case => ({ name, outcome: 'failed', reason })

/** Run `work` for each item, at most `lanes` at once, and give the results in the order of the items. */
export async function* inLanes<T, R>(items: readonly T[], lanes: number, work: (item: T) => Promise<R>) {
  for (let start = 0; start < items.length; start += lanes)
    yield* await Promise.all(items.slice(start, start + lanes).map(work))
}
