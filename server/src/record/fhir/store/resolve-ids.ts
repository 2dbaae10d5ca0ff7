import { typeNumber } from '@salus/fhir-model'
import type { RecordStore } from './record-store.ts'
import type { AliasRow } from './rows.ts'
import { aliasRids } from './store.ts'

export interface LocalId {
  type: string
  id: string
}

/**
 * Internal numbers of the ids that one unit of work names. Ids that Salus made carry their number and are checked
 * without SQL; ids that clients chose are looked up together. With `create`, an id nobody named before gets a number
 * and an alias row, so that a reference may arrive before its target (FHIR asks for no referential integrity).
 */
export class ResolvedIds {
  /** Rows that must be written with the unit that first mentions these ids. */
  readonly aliases: AliasRow[] = []
  readonly #rids = new Map<string, number>()
  readonly #store: Pick<RecordStore, 'vault' | 'database' | 'takeRids'>
  readonly #tenant: number

  constructor(store: Pick<RecordStore, 'vault' | 'database' | 'takeRids'>, tenant: number) {
    this.#store = store
    this.#tenant = tenant
  }

  rid(type: string, id: string): number | undefined {
    return this.#rids.get(`${type}/${id}`)
  }

  async resolve(ids: Iterable<LocalId>, options: { create: boolean }): Promise<void> {
    const foreign = this.#readMarked(ids)
    if (foreign.size === 0) return
    const wanted = [...foreign]
    const found = await aliasRids(
      this.#store.database,
      wanted.map(([, key]) => key),
    )
    const missing: typeof wanted = []
    for (const [index, entry] of wanted.entries()) {
      const rid = found[index]
      if (rid === undefined) missing.push(entry)
      else this.#rids.set(entry[0], rid)
    }
    if (!options.create || missing.length === 0) return
    const fresh = await this.#store.takeRids(missing.length)
    for (const [index, [key, alias]] of missing.entries()) {
      const rid = fresh[index] as number
      this.#rids.set(key, rid)
      this.aliases.push({ ...alias, rid })
    }
  }

  /** Takes over the ids whose number can be read from them; returns the others. */
  #readMarked(ids: Iterable<LocalId>): Map<string, Omit<AliasRow, 'rid'>> {
    const foreign = new Map<string, Omit<AliasRow, 'rid'>>()
    for (const { type, id } of ids) {
      const key = `${type}/${id}`
      if (this.#rids.has(key) || foreign.has(key)) continue
      const number = typeNumber(type)
      if (number === undefined) continue
      const rid = this.#store.vault.ridOf(this.#tenant, number, id)
      if (rid !== undefined) this.#rids.set(key, rid)
      else {
        const token = this.#store.vault.tokenizer(this.#tenant).token(`${type}.id`, 'alias', id).readBigInt64BE()
        foreign.set(key, { tenant: this.#tenant, type: number, token })
      }
    }
    return foreign
  }
}
