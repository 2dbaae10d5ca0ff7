import { gunzipSync } from 'node:zlib'
import type { Definition } from './definition.ts'
import type { PackRow } from './pack.ts'
import type { PackReader } from './pack-file.ts'
import type { Place } from './pack-rows.ts'

/**
 * Bytes of JSON whose parsed form is held, some 20 MB of memory. Users of definitions keep what they compile from them, so this
 * is for the moment of compiling: US Core Patient and all it leans on are 1 MB.
 */
const PARSED_BYTES_MAX = 4 * 1024 * 1024
/** Opened members held, of 64 KB each unless one definition is larger: neighbours are asked for together. */
const MEMBERS_MAX = 8
/** A member with a definition larger than this is not held: the largest code system is 0.8 MB. */
const HELD_MEMBER_BYTES_MAX = 256 * 1024

/** Parsed definitions: the latest are held, and any other for as long as somebody else holds it, so that each exists once. */
export class DefinitionCache {
  readonly #alive = new Map<PackRow, WeakRef<Definition>>()
  readonly #held = new Map<PackRow, Definition>()
  readonly #members = new Map<PackReader, Map<number, Buffer>>()
  #heldBytes = 0
  #memberCount = 0

  /** Parse, or give what was parsed. */
  get({ pack, row }: Place): Definition {
    const known = this.#held.get(row) ?? this.#alive.get(row)?.deref()
    const definition = known ?? this.#parse(pack, row)
    this.#hold(row, definition)
    return definition
  }

  /** Let go of everything; what others hold stays theirs. */
  clear(): void {
    this.#alive.clear()
    this.#held.clear()
    this.#members.clear()
    this.#heldBytes = 0
    this.#memberCount = 0
  }

  #parse(pack: PackReader, row: PackRow): Definition {
    const [, , , member, start, bytes] = row
    const definition = JSON.parse(this.#open(pack, member).toString('utf8', start, start + bytes)) as Definition
    this.#alive.set(row, new WeakRef(definition))
    return definition
  }

  #hold(row: PackRow, definition: Definition): void {
    if (!this.#held.delete(row)) this.#heldBytes += row[5]
    this.#held.set(row, definition)
    for (const oldest of this.#held.keys()) {
      if (this.#heldBytes <= PARSED_BYTES_MAX) return
      this.#held.delete(oldest)
      this.#heldBytes -= oldest[5]
    }
  }

  #open(pack: PackReader, number: number): Buffer {
    const known = this.#members.get(pack)?.get(number)
    if (known !== undefined) return known
    const opened = gunzipSync(pack.member(number))
    if (opened.length > HELD_MEMBER_BYTES_MAX) return opened
    if (this.#memberCount >= MEMBERS_MAX) {
      this.#members.clear()
      this.#memberCount = 0
    }
    const ofPack = this.#members.get(pack) ?? new Map<number, Buffer>()
    this.#members.set(pack, ofPack.set(number, opened))
    this.#memberCount++
    return opened
  }
}
