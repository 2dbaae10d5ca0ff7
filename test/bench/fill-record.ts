import { type Connection, int8ArrayOf } from '../../server/src/platform/db/index.ts'

/** Search columns of an Observation of one code. */
export interface RowPattern {
  code: Buffer
  tokens: Buffer
  present: bigint
}

export interface Filling {
  rows: number
  type: number
  /** Nine in a hundred rows. */
  common: RowPattern
  /** The oldest three in a hundred, beside another code in the next hundredth, and none later. */
  retired: RowPattern
  /** All others, in turn. */
  others: readonly RowPattern[]
  /** Dates: the first row's and the last one's. */
  from: number
  until: number
  /** Bytes of a sealed body. */
  sealedBytes: number
  onProgress(rows: number): void
}

/** Far above the numbers a server gives out during a benchmark. */
const FIRST_RID = 2 ** 41
const FIRST_PATIENT = 2 ** 42
const ROWS_PER_PATIENT = 100
/** One commit each: small enough that progress shows. */
const CHUNK_ROWS = 50_000

/**
 * Write Observations straight into the record's table, through its indexes as the server would: real search columns,
 * and random bytes in place of sealed bodies, because nothing opens them.
 */
export async function fillRecord(owner: Connection, filling: Filling): Promise<void> {
  const patterns = [filling.common, filling.retired, ...filling.others]
  await owner.query({
    text: 'create temp table pattern (n int primary key, code bigint, present bigint, tokens bigint[])',
  })
  for (const [n, pattern] of patterns.entries())
    await owner.query({ text: 'insert into pattern values ($1, $2, $3, $4::bigint[])' }, [
      n,
      pattern.code.readBigInt64BE(),
      pattern.present,
      int8ArrayOf([pattern.tokens]),
    ])
  for (let first = 0; first < filling.rows; first += CHUNK_ROWS) {
    const last = Math.min(first + CHUNK_ROWS, filling.rows) - 1
    const span = [first, last, filling.rows, filling.others.length, filling.from, filling.until]
    const numbers = [FIRST_RID, FIRST_PATIENT, Math.ceil(filling.rows / ROWS_PER_PATIENT), filling.type]
    await owner.query({ text: RESOURCES }, [...span, ...numbers, filling.sealedBytes])
    await owner.query({ text: FURTHER_CODINGS }, [...span, ...numbers])
    filling.onProgress(last + 1)
  }
}

/** Rows `n` of `g` with their dates. Patients take turns, as they do in a hospital: the rows of one lie apart. */
const ROWS = `generate_series($1::bigint, $2::bigint) g(n)
  cross join lateral (select $5::bigint + ($6::bigint - $5::bigint) * g.n / $3::bigint as at) d`

const RESOURCES = `
  insert into record.resource (rid, patient, updated, lo, hi, code, present, tenant, version, type, tokens, sealed)
  select $7::bigint + g.n, $8::bigint + g.n % $9::bigint, at, at, at, p.code, p.present, 1, 1, $10::smallint, p.tokens,
    substring(decode(repeat(md5(g.n::text), 1 + $11::int / 16), 'hex') from 1 for $11::int)
  from ${ROWS}
  join pattern p on p.n = case
    when g.n < $3::bigint * 3 / 100 then 1
    when g.n % 100 < 9 then 0
    else 2 + g.n % $4::int
  end`

/**
 * Every twentieth row has a second coding, never its first again: a tenth of them the common code, and for a while after
 * the retired code went out of use that one, as it happens when a laboratory changes its codes.
 */
const FURTHER_CODINGS = `
  insert into record.code (rid, patient, code, lo, tenant, type)
  select $7::bigint + g.n, $8::bigint + g.n % $9::bigint, p.code, at, 1, $10::smallint
  from ${ROWS}
  join pattern p on p.n = case
    when g.n >= $3::bigint * 3 / 100 and g.n < $3::bigint * 4 / 100 then 1
    when g.n / 20 % 10 = 0 then 0
    else 2 + (g.n + 1) % $4::int
  end
  where g.n % 20 = 19`
