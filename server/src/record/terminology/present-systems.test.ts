import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Definition, Definitions } from '#definitions'
import { type PresentSystem, presentSystems } from './present-systems.ts'

const system = (url: string, version: string | undefined, more: object = {}): Definition => ({
  resourceType: 'CodeSystem',
  url,
  ...(version === undefined ? {} : { version }),
  content: 'complete',
  concept: [{ code: 'a' }],
  ...more,
})

/** Definitions that tell how often they were looked through, the first of a URL preferred. */
function definitionsOf(all: Definition[]): Definitions & { revision: number; looks: number } {
  const canonical = ({ url, version }: Definition): string => (version === undefined ? `${url}` : `${url}|${version}`)
  return {
    revision: 1,
    looks: 0,
    find: (_, wanted) => all.find((one) => canonical(one) === wanted),
    versions: (_, url) => all.filter((one) => one.url === url).map(({ version }) => version ?? ''),
    all() {
      this.looks++
      return all.map(canonical)
    },
    refresh: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

const told = (systems: readonly PresentSystem[], url: string): Omit<PresentSystem, 'url'>[] =>
  systems.filter((one) => one.url === url).map(({ versions, preferred }) => ({ versions, preferred }))

test('only systems whose concepts are there are told, each once with the version that answers', async () => {
  const definitions = definitionsOf([
    system('urn:two', '10'),
    system('urn:two', '9'),
    system('urn:plain', undefined),
    system('urn:stub', '1', { content: 'not-present', concept: undefined }),
    system('urn:empty', '1', { concept: [] }),
    system('urn:supplement', '1', { content: 'supplement' }),
  ])
  const loaded = [
    { url: 'urn:stub', version: '2024' },
    { url: 'urn:stub', version: '2023' },
    { url: 'urn:two', version: '11' },
  ]
  const without = await presentSystems({ definitions, loaded: () => [] })()
  assert.deepEqual(told(without, 'urn:two'), [{ versions: ['9', '10'], preferred: '10' }])
  assert.deepEqual(told(without, 'urn:plain'), [{ versions: [], preferred: undefined }])
  for (const url of ['urn:stub', 'urn:empty', 'urn:supplement']) assert.deepEqual(told(without, url), [], url)
  const withLoads = await presentSystems({ definitions, loaded: () => loaded })()
  assert.deepEqual(told(withLoads, 'urn:stub'), [{ versions: ['2023', '2024'], preferred: '2024' }])
  assert.deepEqual(told(withLoads, 'urn:two'), [{ versions: ['9', '10', '11'], preferred: '11' }])
  assert.equal(told(withLoads, 'urn:ietf:bcp:47').length, 1)
})

test('definitions are looked through once until packages change', async () => {
  const definitions = definitionsOf([system('urn:one', '1')])
  const present = presentSystems({ definitions, loaded: () => [] })
  await Promise.all([present(), present()])
  await present()
  assert.equal(definitions.looks, 1)
  definitions.revision++
  await present()
  assert.equal(definitions.looks, 2)
})
