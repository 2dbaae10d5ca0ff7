import { importsOf, isTest, moduleOf } from './repository.ts'
import type { Problem, Rule } from './rule.ts'

interface Edge {
  to: string
  path: string
  line: number
}

/** No module depends on itself through others. What `#name/events` publishes counts as a node of its own. */
export const cycles: Rule = {
  name: 'cycles',
  check(repository) {
    const edges = new Map<string, Edge[]>()
    for (const source of repository.sources) {
      if (isTest(source.path) || source.path.startsWith('tools/')) continue
      const module = moduleOf(source.path)
      const from = source.path.endsWith('/events.ts') ? `${module}/events` : module
      for (const { specifier, line } of importsOf(source)) {
        const to = moduleNamed(specifier)
        if (to === undefined || to === from) continue
        edges.set(from, [...(edges.get(from) ?? []), { to, path: source.path, line }])
      }
    }
    return findCycles(edges)
  },
}

function moduleNamed(specifier: string): string | undefined {
  if (specifier.startsWith('#')) return specifier.slice(1)
  const library = /^@salus\/([a-z0-9-]+)/.exec(specifier)?.[1]
  if (library === undefined) return undefined
  return library === 'server' || library === 'cli' ? undefined : `libs/${library}`
}

function findCycles(edges: Map<string, Edge[]>): Problem[] {
  const problems: Problem[] = []
  const done = new Set<string>()
  const visit = (node: string, trail: string[]): void => {
    for (const edge of edges.get(node) ?? []) {
      const start = trail.indexOf(edge.to)
      if (start !== -1) {
        const cycle = [...trail.slice(start), edge.to].join(' -> ')
        problems.push({
          path: edge.path,
          line: edge.line,
          message: `modules depend in a circle: ${cycle}. Move what both need below them, or publish an event.`,
        })
      } else if (!done.has(edge.to)) visit(edge.to, [...trail, edge.to])
    }
    done.add(node)
  }
  for (const node of edges.keys()) if (!done.has(node)) visit(node, [node])
  return problems
}
