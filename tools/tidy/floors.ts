import { importsOf, isTest, moduleOf } from './repository.ts'
import type { Problem, Rule } from './rule.ts'

/** Each may import those before it. */
const ORDER = ['kernel', 'db', 'events', 'audit', 'vault', 'identity', 'definitions', 'terminology', 'fhir']
/** Libraries are pure and browser-safe; these may not even be named in them. */
const IMPURE = /^(node:|#|@salus\/(server|cli)|pg$|fastify)/

/** Floors point down: kernel, platform, record, features, roles; libraries below all of them. */
export const floors: Rule = {
  name: 'floors',
  check: (repository) =>
    repository.sources.flatMap((source) =>
      importsOf(source).flatMap((found): Problem[] => {
        const message = fault(source.path, found.specifier)
        return message === undefined ? [] : [{ path: source.path, line: found.line, message }]
      }),
    ),
}

function fault(path: string, specifier: string): string | undefined {
  const from = moduleOf(path)
  if (from.startsWith('libs/') && !isTest(path) && path.includes('/src/') && IMPURE.test(specifier))
    return `${specifier} in a library: libraries are pure and run in a browser. Hand the data in as an argument.`
  if (!path.startsWith('server/src/')) return undefined
  if (/^@salus\/(cli|server)/.test(specifier)) return `${specifier}: the server never imports an app. Turn it round.`
  const door = /^#([a-z0-9-]+)(\/[a-z]+)?$/.exec(specifier)
  const to = door?.[1]
  if (to === undefined || from === 'roles' || to === from) return undefined
  if (to === 'roles') return `${specifier}: nobody imports roles. Move what is shared below them.`
  return faultBetween(from, to, door?.[2] === '/events', specifier)
}

function faultBetween(from: string, to: string, eventsOnly: boolean, specifier: string): string | undefined {
  const lower = ORDER.indexOf(to)
  const upper = ORDER.indexOf(from)
  if (upper === -1 && lower === -1)
    return eventsOnly ? undefined : `${specifier}: a feature hears of a sibling only through #${to}/events.`
  if (lower === -1) return `${specifier} is a feature; ${from} stands below it. Publish an event instead.`
  if (upper === -1 || lower < upper) return undefined
  return `${specifier} stands above ${from} (order: ${ORDER.join(' < ')}). Take what is needed as an argument.`
}
