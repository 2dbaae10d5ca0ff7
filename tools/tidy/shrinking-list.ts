import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Problem } from './rule.ts'

/** What is known to be missing, with a reason each. The list may only become shorter. */
export interface ShrinkingList {
  /** Relative to the checkout. */
  path: string
  /** What each line stands for, in the file's first line. */
  title: string
  entries: Map<string, { reason: string; line: number }>
}

/** Read a list: `# title`, then `entry  # reason` lines. An absent file is an empty list. */
export function readList(root: string, name: string, title: string): ShrinkingList {
  const path = `tools/tidy/lists/${name}.txt`
  const list: ShrinkingList = { path, title, entries: new Map() }
  if (!existsSync(join(root, path))) return list
  const lines = readFileSync(join(root, path), 'utf8').split('\n')
  for (const [index, line] of lines.entries()) {
    const entry = /^([^\s#]\S*)\s*(?:#\s*(.*))?$/.exec(line)
    if (entry?.[1] !== undefined) list.entries.set(entry[1], { reason: entry[2] ?? '', line: index + 1 })
  }
  return list
}

/**
 * Compare a list with what is really missing: something missing and not listed fails, and so does a line
 * that is no longer needed, so that it cannot hide a later loss.
 */
export function checkList(
  list: ShrinkingList,
  missing: Map<string, Omit<Problem, 'message'>>,
  what: string,
): Problem[] {
  const problems: Problem[] = []
  for (const [entry, place] of missing)
    if (!list.entries.has(entry)) problems.push({ ...place, message: `${entry} ${what}. Write one.` })
  for (const [entry, { reason, line }] of list.entries) {
    if (!missing.has(entry))
      problems.push({ path: list.path, line, message: `${entry} is no longer missing. Remove this line.` })
    else if (reason === '')
      problems.push({ path: list.path, line, message: `${entry} has no reason. Write "# why" after it.` })
  }
  return problems
}

/** Write the list without what is no longer missing. Entries are added only when there is no file yet. */
export function writeList(root: string, list: ShrinkingList, missing: Iterable<string>): void {
  const file = join(root, list.path)
  const fresh = !existsSync(file)
  const kept = [...missing].filter((entry) => fresh || list.entries.has(entry)).sort()
  const lines = kept.map((entry) => `${entry}  # ${list.entries.get(entry)?.reason || 'written before the rule'}`)
  writeFileSync(file, `${[`# ${list.title}`, ...lines].join('\n')}\n`)
}
