import type { Problem, Rule } from './rule.ts'

const FOLDERS = new Set(['services', 'helpers', 'utils', 'util', 'common', 'misc', 'lib'])
const FILE =
  /^(?:utils?|helpers?|common|misc|functions)\.(?:ts|tsx|mjs|js)$|(?:\.service|[-.]utils?|[-.]helpers?)\.tsx?$/i
const NOT_KEBAB = /[A-Z_]/

/** A file is named for the one thing it does. */
export const names: Rule = {
  name: 'names',
  check: (repository) => [...repository.paths].flatMap(faults),
}

function faults(path: string): Problem[] {
  if (!/^(server|libs|apps|tools|test|sdk|ui)\//.test(path)) return []
  const parts = path.split('/')
  const file = parts.at(-1) ?? ''
  const folder = parts.slice(0, -1).find((part) => FOLDERS.has(part))
  const problem = (message: string): Problem[] => [{ path, line: 1, message }]
  if (folder !== undefined) return problem(`${folder}/ groups by kind. Group by what changes together.`)
  if (FILE.test(file)) return problem(`${file} says nothing of what is in it. Name it for the one thing it does.`)
  if (/\.(ts|mjs)$/.test(file) && NOT_KEBAB.test(file))
    return problem(`${file}: file names are small letters and dashes.`)
  return []
}
