import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Answer, Json, TestClient } from '../fixtures/server.ts'
import { type Case, failed, inLanes, passed, type Suite } from './suite.ts'
import { type Definition, isFound, type Prefix, searchValues } from './us-core-match.ts'

const VERSIONS = ['6.1.0', '7.0.0']
const PREFIXES: readonly Prefix[] = ['gt', 'ge', 'lt', 'le']
/** Requests at once: the machine has two cores. */
const LANES = 4
/** Of includes, where the reference stands. */
const INCLUDED: Readonly<Record<string, string>> = {
  medication: 'medicationReference',
  practitioner: 'practitioner',
  endpoint: 'endpoint',
}

/** A profile in the US Core test kit's metadata. */
interface Profile {
  profile: string
  resource: string
  title: string
  searches: { params: string[]; exp: string }[]
  search_definitions: Record<string, Definition>
  include: string[]
  revinclude: string[]
}

/** One parameter of a search. */
interface Parameter {
  name: string
  value: string
  prefix?: Prefix
}

interface Search {
  client: TestClient
  loaded: readonly Json[]
  profile: Profile
  parameters: Parameter[]
}

export const usCore: Suite = {
  name: 'us-core',
  proves:
    'Each SHALL search of US Core 6.1.0 and 7.0.0, by values of the Inferno reference data and of the examples of US Core, answers exactly the resources that a naive look at the data finds: by GET and POST, with and without type and system, with comparators, several values, includes and chains. For `_revinclude` the suite itself stores one Provenance for each resource of the data.',
  folders: ['us-core', 'inferno-reference-data', 'us-core-examples'],
  async *run(server, corpora) {
    const client = await server.client()
    const given = [
      ...(await load(client, join(corpora, 'inferno-reference-data', 'resources'))),
      // What the reference data has no resource of, the examples of US Core may have.
      ...(await load(client, join(corpora, 'us-core-examples'))),
    ]
    const loaded = [...given, ...(await provenances(client, given))]
    const metadata: Record<string, Profile[]> = JSON.parse(
      readFileSync(join(corpora, 'us-core', 'us-core-search-metadata.json'), 'utf8'),
    )
    for (const version of VERSIONS)
      for (const profile of metadata[version] ?? [])
        for (const { params, exp } of profile.searches)
          if (exp === 'SHALL') yield* casesOf({ client, loaded, profile, parameters: [] }, version, params)
  },
}

/** Loads the data and answers it as it is stored, with the ids that the server gave. */
async function load(client: TestClient, folder: string): Promise<Json[]> {
  const addresses = new Set<string>()
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort())
    for (const resource of sendable(JSON.parse(readFileSync(join(folder, file), 'utf8')))) {
      const { resourceType, id } = resource
      const answer =
        resourceType === 'Bundle'
          ? await client.post('', resource)
          : await client.put(`${resourceType}/${id}`, resource)
      if (answer.status >= 300)
        throw new Error(`${file} was answered ${answer.status}: ${answer.body?.issue?.[0]?.diagnostics}`)
      if (resourceType !== 'Bundle') addresses.add(`${resourceType}/${id}`)
      else for (const { response } of answer.body.entry as Json[]) addresses.add(addressIn(response.location))
    }
  return Array.fromAsync(inLanes([...addresses], LANES, async (address) => (await client.get(address)).body))
}

/** The data names where few of its resources come from; here each has an origin, so that each `_revinclude` has something to find. */
async function provenances(client: TestClient, given: readonly Json[]): Promise<Json[]> {
  const targets = given.filter(({ resourceType }) => resourceType !== 'Provenance').map(addressOf)
  const made = inLanes(targets, LANES, async (reference): Promise<Json> => {
    const provenance = {
      resourceType: 'Provenance',
      target: [{ reference }],
      recorded: '2024-02-29T12:00:00Z',
      agent: [{ who: { display: 'US Core suite' } }],
    }
    return (await client.post('Provenance', provenance)).body
  })
  return Array.fromAsync(made)
}

/** A transaction is sent whole; of what a search once found, each resource by itself. */
function sendable(resource: Json): Json[] {
  if (resource.resourceType !== 'Bundle' || resource.type === 'transaction') return [resource]
  return (resource.entry as Json[]).map((entry) => entry.resource)
}

/** `http://host/fhir/R4/Patient/1/_history/1` -> `Patient/1` */
function addressIn(location: string): string {
  return location.split('/').slice(-4, -2).join('/')
}

async function* casesOf(search: Search, version: string, params: readonly string[]): AsyncIterable<Case> {
  const { profile } = search
  const name = (variant: string): string =>
    `${version} ${profile.profile.split('/').at(-1)} ${params.join('+')}${variant === '' ? '' : `: ${variant}`}`
  const candidates = candidatesOf(search)
  if (candidates.length === 0) {
    yield { name: name(''), outcome: 'skipped', reason: 'the data has no resource of that kind' }
    return
  }
  const definitionOf = (param: string): Definition => profile.search_definitions[param] as Definition
  const sample = candidates.find((one) => params.every((param) => searchValues(one, definitionOf(param)).length > 0))
  if (sample === undefined) {
    yield { name: name(''), outcome: 'skipped', reason: 'no resource of the data has a value for it' }
    return
  }
  const parameters = params.map((param) => ({
    name: param,
    value: searchValues(sample, definitionOf(param))[0] as string,
  }))
  const sampled = { ...search, parameters }
  yield* plainCases(sampled, name)
  yield* valueCases(sampled, sample, name)
  yield* includeCases(sampled, name)
  yield* chainCases(sampled, sample, name)
}

/** Resources that claim the profile; where none does, those of its type with the codes by which its searches tell it from others. */
function candidatesOf({ profile, loaded }: Search): Json[] {
  const ofType = loaded.filter(({ resourceType }) => resourceType === profile.resource)
  const claiming = ofType.filter(({ meta }) =>
    (meta?.profile ?? []).some((url: string) => url.split('|')[0] === profile.profile),
  )
  if (claiming.length > 0) return claiming
  const telling = ['category', 'code'].flatMap((param) => profile.search_definitions[param] ?? [])
  return ofType.filter((one) =>
    telling.every((definition) => definition.values.length === 0 || isFound(one, definition, definition.values.join())),
  )
}

type Name = (variant: string) => string

async function* plainCases(search: Search, name: Name): AsyncIterable<Case> {
  yield await judged(name(''), search, await get(search))
  const { client, profile } = search
  const answer = await client.send('POST', `${profile.resource}/_search`, queryOf(search), {
    'content-type': 'application/x-www-form-urlencoded',
  })
  yield await judged(name('POST'), search, answer)
}

/** Other ways to name the same value, and other values. */
async function* valueCases(search: Search, sample: Json, name: Name): AsyncIterable<Case> {
  for (const [at, { name: param, value }] of search.parameters.entries()) {
    const definition = search.profile.search_definitions[param] as Definition
    const changed = (change: Partial<Parameter>): Search => ({
      ...search,
      parameters: search.parameters.map((one, place) => (place === at ? { ...one, ...change } : one)),
    })
    const run = async (variant: string, change: Partial<Parameter>): Promise<Case> => {
      const other = changed(change)
      return judged(name(`${param} ${variant}`), other, await get(other))
    }
    if (param === 'patient') yield await run('by id alone', { value: value.replace('Patient/', '') })
    if (value.includes('|')) yield await run('without system', { value: value.slice(value.indexOf('|') + 1) })
    for (const prefix of PREFIXES) {
      if (definition.comparators[prefix] !== 'SHALL') continue
      const own = searchValues(sample, definition)
      yield await run(prefix, { prefix, value: boundary(own, prefix) })
      // A comparison without equality must not find what is equal, which an empty answer proves too.
      if (prefix !== 'gt' && prefix !== 'lt') continue
      const equal = changed({ prefix, value: own[0] as string })
      const wrong = wrongMatches(equal, await entriesOf(search.client, await get(equal), 'match'))
      const label = name(`${param} ${prefix} its own`)
      yield wrong === undefined ? passed(label) : failed(label, wrong)
    }
    if (definition.multiple_or !== 'SHALL') continue
    const other = search.loaded
      .filter(({ resourceType }) => resourceType === search.profile.resource)
      .flatMap((one) => searchValues(one, definition))
      .find((one) => one !== value)
    if (other !== undefined) yield await run('one of two values', { value: `${value},${other}` })
    else
      yield {
        name: name(`${param} one of two values`),
        outcome: 'skipped',
        reason: 'the data has one value only',
      }
  }
}

/** A date from which the sample lies in the direction of the prefix: its own for `ge` and `le`, else a year aside. */
function boundary([value = '']: readonly string[], prefix: Prefix): string {
  const year = Number(value.slice(0, 4))
  return prefix === 'gt' ? String(year - 1) : prefix === 'lt' ? String(year + 1) : value
}

async function* includeCases(search: Search, name: Name): AsyncIterable<Case> {
  const { profile, loaded } = search
  const expected = matching(search)
  for (const revinclude of profile.revinclude) {
    const from = loaded.filter(
      ({ resourceType, target }) =>
        `${resourceType}:target` === revinclude && (target ?? []).some((one: Json) => expected.includes(meantBy(one))),
    )
    yield await included(search, name, `_revinclude=${revinclude}`, from.map(addressOf))
  }
  for (const include of profile.include) {
    const path = INCLUDED[include.split(':')[1] ?? '']
    if (path === undefined) continue
    const references = loaded
      .filter((one) => expected.includes(addressOf(one)))
      .flatMap((one) => one[path] ?? [])
      .map(meantBy)
    const targets = loaded.map(addressOf).filter((address) => references.includes(address))
    yield await included(search, name, `_include=${include}`, targets)
  }
}

async function included(search: Search, name: Name, control: string, expected: readonly string[]): Promise<Case> {
  if (expected.length === 0)
    return { name: name(control), outcome: 'skipped', reason: 'the data has nothing to include' }
  const answer = await get(search, `&${control}`)
  const found = await entriesOf(search.client, answer, 'include')
  const wrong = difference(expected, found) ?? wrongMatches(search, await entriesOf(search.client, answer, 'match'))
  return wrong === undefined ? passed(name(control)) : failed(name(control), wrong)
}

/** `practitioner.identifier` and `practitioner.name`: what the sample refers to is found by a value of its own. */
async function* chainCases(search: Search, sample: Json, name: Name): AsyncIterable<Case> {
  const { profile, loaded, parameters } = search
  const [param] = parameters
  if (param === undefined || parameters.length > 1) return
  for (const { chain, expectation } of profile.search_definitions[param.name]?.chain ?? []) {
    if (expectation !== 'SHALL') continue
    const type = chain === 'identifier' ? 'Identifier' : 'HumanName'
    const definition: Definition = { type, paths: [chain], values: [], comparators: {}, multiple_or: null, chain: null }
    const target = loaded.find((one) => addressOf(one) === sample[param.name]?.reference)
    const [value] = target === undefined ? [] : searchValues(target, definition)
    const label = name(`${param.name}.${chain}`)
    if (value === undefined) {
      yield { name: label, outcome: 'skipped', reason: 'the data has no value for it' }
      continue
    }
    const targets = loaded
      .filter((one) => one.resourceType === target.resourceType && isFound(one, definition, value))
      .map(addressOf)
    const expected = loaded
      .filter((one) => one.resourceType === profile.resource && targets.includes(one[param.name]?.reference))
      .map(addressOf)
    const chained = { ...search, parameters: [{ name: `${param.name}.${chain}`, value }] }
    const wrong = difference(expected, await entriesOf(search.client, await get(chained), 'match'))
    yield wrong === undefined ? passed(label) : failed(label, wrong)
  }
}

function get(search: Search, controls = ''): Promise<Answer> {
  return search.client.get(`${search.profile.resource}?${queryOf(search)}${controls}`)
}

function queryOf({ parameters }: Search): string {
  return parameters.map(({ name, value, prefix = '' }) => `${name}=${encodeURIComponent(prefix + value)}`).join('&')
}

/** Right only when something was found: an empty answer to a search for nothing proves little. */
async function judged(name: string, search: Search, answer: Answer): Promise<Case> {
  const wrong = wrongMatches(search, await entriesOf(search.client, answer, 'match'))
  if (wrong !== undefined) return failed(name, wrong)
  if (matching(search).length > 0) return passed(name)
  return { name, outcome: 'skipped', reason: 'nothing in the data matches, and nothing was found' }
}

function wrongMatches(search: Search, found: readonly string[] | string): string | undefined {
  return difference(matching(search), found)
}

/** Addresses of what the search should find. */
function matching({ loaded, profile, parameters }: Search): string[] {
  return loaded
    .filter(
      (one) =>
        one.resourceType === profile.resource &&
        parameters.every(({ name, value, prefix }) =>
          isFound(one, profile.search_definitions[name] as Definition, value, prefix),
        ),
    )
    .map(addressOf)
}

/** Addresses of all pages' entries of a mode, or why there are none. */
async function entriesOf(client: TestClient, answer: Answer, mode: 'match' | 'include'): Promise<string[] | string> {
  const found = new Set<string>()
  let page = answer
  for (;;) {
    if (page.status !== 200) return `answered ${page.status}: ${page.body?.issue?.[0]?.diagnostics}`
    for (const { resource, search } of (page.body.entry ?? []) as Json[])
      if (search.mode === mode) found.add(addressOf(resource))
    const next = page.body.link?.find(({ relation }: Json) => relation === 'next')?.url
    if (next === undefined) return [...found]
    page = await client.get(next)
  }
}

/** The resource that a reference means, whatever version it names. */
function meantBy({ reference }: Json): string {
  return String(reference).replace(/\/_history\/.*$/, '')
}

function addressOf({ resourceType, id }: Json): string {
  return `${resourceType}/${id}`
}

function difference(expected: readonly string[], found: readonly string[] | string): string | undefined {
  if (typeof found === 'string') return found
  const missing = new Set(expected).difference(new Set(found)).size
  const further = new Set(found).difference(new Set(expected)).size
  return missing + further === 0
    ? undefined
    : `${missing} of ${expected.length} not found, ${further} found that do not match`
}
