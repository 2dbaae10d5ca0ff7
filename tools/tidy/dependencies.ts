import type { Repository } from './repository.ts'
import type { Problem, Rule } from './rule.ts'

const PAGE = 'docs/adr/dependencies.md'
const KINDS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const

type Manifest = Partial<Record<(typeof KINDS)[number], Record<string, string>>>

/** Each dependency has an exact version and a line that says what it saves; no line outlives its dependency. */
export const dependencies: Rule = {
  name: 'dependencies',
  check(repository) {
    const named = manifestsOf(repository)
    if (named.length === 0) return []
    const page = repository.texts.find(({ path }) => path === PAGE)?.text ?? ''
    const listed = [...page.matchAll(/^\|([^|]*)\|/gm)].flatMap((row) =>
      [...(row[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
    )
    return [...named.flatMap((entry) => faultsOf(entry, listed)), ...idleLines(page, listed, named)]
  },
}

interface Named {
  path: string
  line: number
  name: string
  version: string
}

function manifestsOf(repository: Repository): Named[] {
  return repository.texts
    .filter(({ path }) => /^(?:package\.json|(?:server|(?:libs|apps)\/[^/]+)\/package\.json)$/.test(path))
    .flatMap(({ path, text }) => {
      const manifest = JSON.parse(text) as Manifest
      return KINDS.flatMap((kind) =>
        Object.entries(manifest[kind] ?? {}).map(([name, version]) => ({
          path,
          line: text.split('\n').findIndex((line) => line.includes(`"${name}":`)) + 1,
          name,
          version,
        })),
      )
    })
}

function faultsOf({ path, line, name, version }: Named, listed: string[]): Problem[] {
  const problems: Problem[] = []
  if (!/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
    problems.push({ path, line, message: `${name} is not pinned. Write one exact version.` })
  if (!listed.includes(name))
    problems.push({
      path,
      line,
      message: `${name} has no line in ${PAGE}: what it saves, who maintains it, how to remove it.`,
    })
  return problems
}

function idleLines(page: string, listed: string[], named: Named[]): Problem[] {
  return listed
    .filter((name) => !named.some((entry) => entry.name === name))
    .map((name) => ({
      path: PAGE,
      line: page.split('\n').findIndex((line) => line.startsWith('|') && line.includes(`\`${name}\``)) + 1,
      message: `${name} is no longer a dependency. Remove it here.`,
    }))
}
