import type { Json } from '../fixtures/server.ts'
import type { Chance } from './chance.ts'

/** Words that parsers, maps, databases and date libraries have stumbled over. */
export const AWKWARD: readonly string[] = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\u202e',
  'é',
  '🩺',
  "'",
  '"',
  '\\',
  '%',
  '%00',
  '%zz',
  '|',
  '||',
  ',',
  '\\,',
  '$',
  ':',
  '.',
  '/',
  '*',
  '(',
  ')',
  '-0',
  '0',
  '1e999',
  '-1e-999',
  '9007199254740993',
  '00',
  '0001',
  '9999-12-31',
  '0000-00-00',
  '2024-02-30',
  '2024-02-29T24:00:00Z',
  '2024-06-15T12:00:00+99:99',
  'null',
  'true',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'Patient',
  'Patient/',
  'Patient/1/_history/0',
  '#',
  'urn:uuid:',
  'http://',
  'a'.repeat(70),
]

/** A value no element expects. */
function odd(chance: Chance, depth = 0): Json {
  switch (chance.below(depth > 4 ? 6 : 9)) {
    case 0:
      return null
    case 1:
      return chance.pick([0, -1, 1.5, 1e21, -0, Number.MAX_SAFE_INTEGER, 5e-324])
    case 2:
      return chance.once(2)
    case 3:
    case 4:
      return chance.text(AWKWARD, 3)
    case 5:
      return chance.pick(AWKWARD).repeat(chance.pick([1, 1, 100, 5_000]))
    case 6:
      return Array.from({ length: chance.pick([0, 1, 3]) }, () => odd(chance, depth + 1))
    case 7:
      return nested(chance.pick([2, 30, 99, 101, 300]))
    default:
      return {
        [chance.pick(AWKWARD)]: odd(chance, depth + 1),
        [chance.pick(['id', 'extension', 'reference', 'value'])]: odd(chance, depth + 1),
      }
  }
}

function nested(depth: number): Json {
  let value: Json = []
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { extension: value }
  return value
}

/** A copy with one to four places changed: replaced, removed, doubled, wrapped, moved, renamed. */
export function mutated(chance: Chance, value: Json): Json {
  const root = { value: structuredClone(value) }
  for (let changes = chance.below(4) + 1; changes > 0; changes--) change(chance, root)
  return root.value
}

function change(chance: Chance, root: Json): void {
  let at: Json = root
  let key: string | number = 'value'
  for (let depth = 0; depth < 8; depth++) {
    const child: Json = at[key]
    if (typeof child !== 'object' || child === null || (depth > 0 && chance.once(4))) break
    const keys = Object.keys(child)
    if (keys.length === 0) break
    at = child
    key = Array.isArray(child) ? chance.below(keys.length) : chance.pick(keys)
  }
  switch (chance.below(7)) {
    case 0:
      if (Array.isArray(at)) at.splice(Number(key), 1)
      else if (at !== root) delete at[key]
      return
    case 1:
      at[key] = [at[key], at[key]]
      return
    case 2:
      at[key] = { [String(key)]: at[key] }
      return
    case 3:
      if (!Array.isArray(at) && at !== root)
        at[chance.pick(['_id', '_value', 'resourceType', 'contained', 'id', chance.pick(AWKWARD)])] = at[key]
      return
    case 4:
      if (typeof at[key] === 'string')
        at[key] = chance.pick([at[key] + chance.pick(AWKWARD), at[key].slice(chance.below(5)), at[key].toUpperCase()])
      return
    default:
      at[key] = odd(chance)
  }
}

const STRUCTURAL = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '"',
  '\\',
  '\\u0000',
  '\\ud800',
  '"entry"',
  '"resource"',
  '"\\u0065ntry":',
  '1.50',
  '-',
  '1e',
  '\ufeff',
  '\u0000',
  '//',
]

/** JSON text with bytes removed, doubled, put in or changed. */
export function mangled(chance: Chance, text: string): Buffer {
  let bytes = Buffer.from(text)
  for (let changes = chance.below(4) + 1; changes > 0; changes--) {
    const at = chance.below(bytes.length + 1)
    const until = Math.min(bytes.length, at + chance.below(chance.pick([2, 20, 400])))
    const before = bytes.subarray(0, at)
    const cut = bytes.subarray(at, until)
    const inserted = chance.pick([
      Buffer.alloc(0),
      Buffer.concat([cut, cut]),
      Buffer.concat([Buffer.from(chance.pick(STRUCTURAL)), cut]),
      Buffer.from([chance.below(256)]),
      Buffer.from('['.repeat(chance.pick([1, 99, 2_000]))),
    ])
    bytes = Buffer.concat([before, inserted, bytes.subarray(until)])
  }
  return bytes
}
