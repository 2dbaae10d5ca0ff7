import { createHash } from 'node:crypto'

/** Memory of all sets that are kept, 4 bytes a concept: twenty filters that choose most of SNOMED CT, or thousands of usual ones. */
const BYTES_MAX = 32 * 1024 * 1024

/** Numbers of concepts that a filter chooses. */
export interface ChosenSet {
  has(id: number): boolean
}

/** Remembers what filters chose, so that the next letter that is typed need not ask again; the sets not used longest go first. */
export class ChosenSets {
  readonly #kept = new Map<string, Promise<Uint32Array>>()
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax = BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** `fetch` gives the numbers in ascending order. It is asked once for those who wait for the same. */
  async of(key: string, fetch: () => Promise<readonly number[]>): Promise<ChosenSet> {
    // Filters may be long lists: what is kept of them is as short for all.
    const name = createHash('sha256').update(key).digest('base64')
    const known = this.#kept.get(name)
    const found = known ?? this.#made(name, fetch)
    if (known) {
      this.#kept.delete(name)
      this.#kept.set(name, known)
    }
    const ids = await found
    return { has: (id) => isIn(ids, id) }
  }

  get bytes(): number {
    return this.#bytes
  }

  #made(name: string, fetch: () => Promise<readonly number[]>): Promise<Uint32Array> {
    const made = fetch().then((ids) => Uint32Array.from(ids))
    this.#kept.set(name, made)
    made.then(
      (ids) => {
        this.#bytes += ids.byteLength + BYTES_PER_SET
        void this.#shrink()
      },
      () => this.#kept.delete(name),
    )
    return made
  }

  async #shrink(): Promise<void> {
    for (const [name, set] of this.#kept) {
      if (this.#bytes <= this.#bytesMax) return
      this.#kept.delete(name)
      const freed = await set.catch(() => undefined)
      if (freed) this.#bytes -= freed.byteLength + BYTES_PER_SET
    }
  }
}

/** Name, promise and map entry of a set. */
const BYTES_PER_SET = 500

function isIn(ids: Uint32Array, id: number): boolean {
  let from = 0
  let to = ids.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((ids[middle] as number) < id) from = middle + 1
    else to = middle
  }
  return ids[from] === id
}
