import pg from 'pg'

export type Decoder = (text: string) => unknown

/** How the text form of each type arrives in JavaScript. Types not listed use the driver's own decoders. */
const DECODERS = new Map<number, Decoder>([
  [16, (text) => text === 't'],
  [17, bytes],
  [20, int8],
  [21, Number],
  [23, Number],
  [26, Number],
  [25, identity],
  [1043, identity],
  [19, identity],
  [700, Number],
  [701, Number],
  [1000, (text) => list(text, (item) => item === 't')],
  [1001, (text) => list(text, (item) => Buffer.from(item.slice(4, -1), 'hex'))],
  [1005, (text) => list(text, Number)],
  [1007, (text) => list(text, Number)],
  [1016, (text) => list(text, identity)],
  [1022, (text) => list(text, Number)],
])

/** The decoder of a column of type `oid`; bound to a client, never to the driver's global table. */
export function decoderOf(oid: number): Decoder {
  return DECODERS.get(oid) ?? (pg.types.getTypeParser(oid, 'text') as Decoder)
}

function identity(text: string): string {
  return text
}

/** A number while it is exact, else a bigint: a keyed token uses all 64 bits. */
function int8(text: string): number | bigint {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : BigInt(text)
}

/** `\x` and hex digits: PostgreSQL's only output form since `bytea_output` is fixed to hex at connection start. */
function bytes(text: string): Buffer {
  return Buffer.from(text.slice(2), 'hex')
}

/** Items of a flat array whose items hold neither commas nor quotes that matter. */
function list<T>(text: string, item: (text: string) => T): (T | null)[] {
  if (text === '{}') return []
  return text
    .slice(1, -1)
    .split(',')
    .map((part) => (part === 'NULL' ? null : item(part)))
}
