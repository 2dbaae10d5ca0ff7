/** A repeatable source of chance: the same label gives the same numbers on every machine. */
export interface Random {
  /** From 0 to below 1. */
  next(): number
  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T
  /** Standard normal, cut at three deviations so that no value is absurd. */
  normal(): number
  uuid(): string
  /** An independent source: what is drawn from it does not shift what is drawn here. */
  fork(label: string): Random
}

const NORMAL_MAX = 3

export function randomFrom(label: string): Random {
  const next = generator(label)
  const integer = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1))
  return {
    next,
    integer,
    chance: (probability) => next() < probability,
    pick<T>(list: readonly T[]): T {
      if (list.length === 0) throw new RangeError('There is nothing to pick from.')
      return list[integer(0, list.length - 1)] as T
    },
    normal() {
      // Box-Muller; 1 - next() keeps the logarithm finite.
      const value = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
      return Math.max(-NORMAL_MAX, Math.min(NORMAL_MAX, value))
    },
    uuid() {
      const hex = Array.from({ length: 4 }, () =>
        Math.floor(next() * 0x1_0000_0000)
          .toString(16)
          .padStart(8, '0'),
      ).join('')
      const variant = '89ab'[integer(0, 3)] as string
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
    },
    fork: (name) => randomFrom(`${label}/${name}`),
  }
}

/** sfc32, seeded by four hashes of the label. Public domain, by Chris Doty-Humphrey (PractRand). */
function generator(label: string): () => number {
  let [a, b, c, d] = [hash(label, 1), hash(label, 2), hash(label, 3), hash(label, 4)]
  const next = (): number => {
    const sum = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return (sum >>> 0) / 0x1_0000_0000
  }
  // The first numbers still show the seed.
  for (let round = 0; round < 15; round++) next()
  return next
}

/** FNV-1a with a final mix (MurmurHash3). */
function hash(text: string, salt: number): number {
  let value = 0x811c9dc5 ^ salt
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) | 0
}
