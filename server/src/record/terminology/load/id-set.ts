const START = 1_024

/** A set of numbers of up to 18 digits as text, 8 to 16 bytes each: a `Set` of text would take ten times as much. */
export class IdSet {
  #slots = new BigInt64Array(START)
  #size = 0

  get size(): number {
    return this.#size
  }

  add(id: string): void {
    // Half full at most, so that a look ends soon.
    if (this.#size * 2 >= this.#slots.length) this.#grow()
    if (insert(this.#slots, BigInt(id))) this.#size++
  }

  has(id: string): boolean {
    return this.#slots[place(this.#slots, BigInt(id))] !== 0n
  }

  #grow(): void {
    const larger = new BigInt64Array(this.#slots.length * 2)
    for (const id of this.#slots) if (id !== 0n) insert(larger, id)
    this.#slots = larger
  }
}

function insert(slots: BigInt64Array, id: bigint): boolean {
  const at = place(slots, id)
  const isNew = slots[at] === 0n
  slots[at] = id
  return isNew
}

/** Slot of the number, or the free one where it would go; 0 marks a free one, and is no identifier. */
function place(slots: BigInt64Array, id: bigint): number {
  const mask = slots.length - 1
  // Fibonacci hashing: identifiers of one namespace differ in their middle digits.
  let at = Number(BigInt.asUintN(32, (id * 0x9e3779b97f4a7c15n) >> 20n)) & mask
  while (slots[at] !== 0n && slots[at] !== id) at = (at + 1) & mask
  return at
}
