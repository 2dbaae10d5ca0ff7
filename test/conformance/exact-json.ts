import { isDeepStrictEqual } from 'node:util'

/** JSON with numbers as their text, so that `1.50` and `1.5` differ. */
export function parseNumbersAsText(text: string): unknown {
  return JSON.parse(text, ((_key: string, value: unknown, context: { source?: string }) =>
    typeof value === 'number' ? { number: context.source } : value) as (key: string, value: unknown) => unknown)
}

type Resource = { meta?: Record<string, unknown> } & Record<string, unknown>

/** The first place where two stored forms of a resource differ, apart from the version and time that storing adds. */
export function difference(sent: string, stored: string): string | undefined {
  return firstDifference(withoutVersion(parseNumbersAsText(sent)), withoutVersion(parseNumbersAsText(stored)), '')
}

function withoutVersion(resource: unknown): unknown {
  const { meta, ...rest } = resource as Resource
  const { versionId: _version, lastUpdated: _updated, ...kept } = meta ?? {}
  return Object.keys(kept).length === 0 ? rest : { ...rest, meta: kept }
}

function firstDifference(a: unknown, b: unknown, path: string): string | undefined {
  if (isDeepStrictEqual(a, b)) return undefined
  const isContainer = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
  if (!isContainer(a) || !isContainer(b)) return path
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const inside = firstDifference(a[key], b[key], `${path}/${key}`)
    if (inside !== undefined) return inside
  }
  return path
}
