import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { FaultError } from '@salus/server/kernel'
import { findLoadFiles } from './load-files.ts'
import type { Origin, Piece } from './load-piece.ts'
import { PACK_ENTRIES_MAX, type PieceContext, piecesOf } from './load-pieces.ts'
import { newSplitter } from './load-read.ts'

const directory = mkdtempSync(join(tmpdir(), 'salus-load-files-'))
after(() => rmSync(directory, { recursive: true }))

const make = (name: string, content: string | Buffer): string => {
  const path = join(directory, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, content)
  return path
}
const patient = (id: string): string => JSON.stringify({ resourceType: 'Patient', id })

async function read(
  paths: string[],
  done: ReadonlySet<string> = new Set(),
): Promise<{ pieces: Piece[]; refused: (Origin & { fault: string })[]; bytes: number }> {
  const got = { pieces: [] as Piece[], refused: [] as (Origin & { fault: string })[], bytes: 0 }
  const context: PieceContext = {
    admit: (key) => !done.has(key),
    refuse: (origin, fault) => void got.refused.push({ ...origin, fault }),
    onBytes: (more) => void (got.bytes += more),
  }
  for (const phase of await findLoadFiles(paths))
    for await (const piece of piecesOf(phase, context)) got.pieces.push(piece)
  return got
}

test('Synthea hospitals and practitioners come first, each as a phase; then by path', async () => {
  const root = join(directory, 'order')
  for (const name of [
    'b.json',
    'a/z.ndjson',
    'practitionerInformation1.json',
    'hospitalInformation9.json.gz',
    'A.json',
    'note.txt',
    '.hidden.json',
  ])
    make(`order/${name}`, patient('x'))
  symlinkSync(root, join(root, 'loop'))
  const phases = await findLoadFiles([root])
  assert.deepEqual(
    phases.map((phase) => phase.map(({ path }) => path.slice(root.length + 1))),
    [['hospitalInformation9.json.gz'], ['practitionerInformation1.json'], ['A.json', 'a/z.ndjson', 'b.json']],
  )
})

test('a path that is absent, of another format or empty is a fault that says so', async () => {
  const faultOf = async (path: string, filesMax?: number): Promise<string> => {
    const error = await findLoadFiles([path], filesMax).catch((thrown: unknown) => thrown)
    assert.ok(error instanceof FaultError)
    return error.fault.code
  }
  assert.equal(await faultOf(join(directory, 'nowhere')), 'cli.load.no-such-path')
  assert.equal(await faultOf(make('data.csv', 'a')), 'cli.load.not-a-format')
  make('some/a.json', '{}')
  make('some/b.json', '{}')
  assert.equal(await faultOf(join(directory, 'some'), 1), 'cli.load.too-many-files')
  mkdirSync(join(directory, 'empty'))
  assert.equal(await faultOf(join(directory, 'empty')), 'cli.load.nothing-found')
})

test('single resources of several files share a pack, each known by its own content', async () => {
  const paths = ['1', '2', '3'].map((id) => make(`single/${id}.json`, patient(id)))
  const { pieces, bytes } = await read(paths)
  assert.equal(pieces.length, 1)
  assert.equal(pieces[0]?.keys.length, 3)
  assert.deepEqual(
    pieces[0]?.entries.map(({ origin }) => origin),
    paths.map((file) => ({ file, place: '' })),
  )
  assert.equal(bytes, paths.length * patient('1').length)
  const rest = await read(paths, new Set([pieces[0]?.keys[1] as string]))
  assert.deepEqual(
    rest.pieces[0]?.entries.map(({ origin }) => origin.file),
    [paths[0], paths[2]],
  )
})

test('NDJSON comes in packs that are the same in every run; blank lines are none', async () => {
  const lines = Array.from({ length: PACK_ENTRIES_MAX + 3 }, (_, index) => patient(String(index)))
  const path = make('many.ndjson.gz', gzipSync(`${lines.join('\n\r\n')}\n\n`))
  const { pieces, refused } = await read([path])
  assert.deepEqual(
    pieces.map(({ entries }) => entries.length),
    [PACK_ENTRIES_MAX, 3],
  )
  assert.deepEqual(refused, [])
  assert.equal(pieces[1]?.entries[0]?.origin.place, `line ${PACK_ENTRIES_MAX * 2 + 1}`)
  const again = await read([path], new Set(pieces[0]?.keys))
  assert.deepEqual(
    again.pieces.map(({ keys }) => keys),
    [pieces[1]?.keys],
  )
})

test('a line that is wrong is refused by its number and the others are loaded', async () => {
  const path = make('wrong.ndjson', `${patient('1')}\n{"resourceType":\n${patient('2')}\n"text"`)
  const { pieces, refused } = await read([path])
  assert.equal(pieces[0]?.entries.length, 2)
  assert.deepEqual(
    refused.map(({ place, fault }) => [place, fault]),
    [
      ['line 2', 'load.json-broken'],
      ['line 4', 'load.not-a-resource'],
    ],
  )
})

test('Bundles in NDJSON are sent as Bundles', async () => {
  const bundle = JSON.stringify({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [{ request: { method: 'PUT', url: 'Patient/a' } }],
  })
  const { pieces } = await read([make('bundles.ndjson', `${bundle}\n${patient('1')}\n`)])
  assert.deepEqual(
    pieces.map(({ bytes }) => bytes?.toString()),
    [bundle, undefined],
  )
  assert.equal(pieces[0]?.entries[0]?.origin.place, 'line 1, entry 0')
})

test('damaged gzip is refused, and what came before the damage is loaded', async () => {
  const whole = gzipSync(Array.from({ length: 20_000 }, (_, index) => patient(String(index * 7919))).join('\n'))
  const cut = await read([make('cut.ndjson.gz', whole.subarray(0, whole.length >> 1))])
  assert.equal(cut.refused.at(-1)?.fault, 'load.gzip-broken')
  assert.ok(cut.pieces.length > 1)
  const broken = await read([make('broken.json.gz', 'no gzip')])
  assert.deepEqual(
    broken.refused.map(({ fault }) => fault),
    ['load.gzip-broken'],
  )
})

test('a line beyond the limit is dropped as it comes and the next line is whole', () => {
  const splitter = newSplitter(8)
  const lines = ['abc\n012', '345', '678901\nde', 'f'].flatMap((chunk) => [...splitter.lines(Buffer.from(chunk))])
  lines.push(...splitter.rest())
  assert.deepEqual(
    lines.map(({ number, text }) => [number, text.ok ? text.value.toString() : text.fault]),
    [
      [1, 'abc'],
      [2, 'load.too-large'],
      [3, 'def'],
    ],
  )
})
