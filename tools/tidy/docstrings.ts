import { posix } from 'node:path'
import type { Repository } from './repository.ts'
import type { Problem, Rule } from './rule.ts'
import { lineAt, type Source } from './source.ts'

const DOOR = /^(?:server\/src\/(?:kernel|(?:platform|record|features)\/[^/]+)|libs\/[^/]+\/src)\/(?:index|events)\.ts$/
const REEXPORT = /export\s+(?:type\s+)?\{([^}]*)\}\s*from\s*'/g
const REEXPORT_ALL = /export\s+\*[^;\n]*from\s*'/g
const DEFINITION =
  /export\s+(?:declare\s+|abstract\s+|async\s+)*(?:function\*?|const|let|class|interface|type)\s+([\w$]+)/g
/** Doors that pass on a door's name more often than this go in circles. */
const HOPS_MAX = 5

/** Everything a door exports has a docstring where it is defined. */
export const docstrings: Rule = {
  name: 'docstrings',
  check(repository) {
    const byPath = new Map(repository.sources.map((source) => [source.path, source]))
    return repository.sources
      .filter(({ path }) => DOOR.test(path))
      .flatMap((door) => faultsOf(door, byPath, repository))
  },
}

function faultsOf(door: Source, byPath: Map<string, Source>, repository: Repository): Problem[] {
  const problems: Problem[] = []
  for (const match of door.code.matchAll(REEXPORT_ALL))
    problems.push({
      path: door.path,
      line: lineAt(door.text, match.index),
      message: 'export * hides what the door offers. List the names.',
    })
  for (const { name, definition } of exportsOf(door, byPath)) {
    if (definition === undefined || isGenerated(definition.source, repository)) continue
    if (!hasDocstring(definition.source, definition.at))
      problems.push({
        path: definition.source.path,
        line: lineAt(definition.source.text, definition.at),
        message: `${name} is part of a door (${door.path}). Say above it, in /** */, what it does, its units, limits and faults.`,
      })
  }
  return problems
}

interface Exported {
  name: string
  definition: { source: Source; at: number } | undefined
}

function exportsOf(door: Source, byPath: Map<string, Source>): Exported[] {
  const own = [...door.code.matchAll(DEFINITION)].map((match) => ({
    name: match[1] ?? '',
    definition: { source: door, at: match.index },
  }))
  const passedOn = [...reexportsOf(door)].map(([name, { target, original }]) => ({
    name,
    definition: find(byPath, target, original, 0),
  }))
  return [...own, ...passedOn]
}

/** Names a file passes on from another, with where they come from. */
function reexportsOf(source: Source): Map<string, { target: string; original: string }> {
  const found = new Map<string, { target: string; original: string }>()
  for (const match of source.code.matchAll(REEXPORT)) {
    const quote = match.index + match[0].length - 1
    const specifier = source.literals.find((literal) => literal.start === quote)?.value
    if (!specifier?.startsWith('.')) continue
    const target = posix.normalize(`${posix.dirname(source.path)}/${specifier}`)
    for (const item of (match[1] ?? '').split(',')) {
      const [original, name] = item
        .trim()
        .replace(/^type\s+/, '')
        .split(/\s+as\s+/)
      if (original) found.set(name ?? original, { target, original })
    }
  }
  return found
}

function find(byPath: Map<string, Source>, path: string, name: string, hops: number): Exported['definition'] {
  const source = byPath.get(path)
  if (!source || hops > HOPS_MAX) return undefined
  for (const match of source.code.matchAll(DEFINITION)) if (match[1] === name) return { source, at: match.index }
  const next = reexportsOf(source).get(name)
  return next && find(byPath, next.target, next.original, hops + 1)
}

function isGenerated(source: Source, repository: Repository): boolean {
  return source.path.includes('/generated/') || !repository.paths.has(source.path)
}

/** The nearest comment before `at` is a docstring with nothing but space between. */
function hasDocstring(source: Source, at: number): boolean {
  const before = source.comments.findLast(({ end }) => end <= at)
  return before?.text.startsWith('/**') === true && source.text.slice(before.end, at).trim() === ''
}
