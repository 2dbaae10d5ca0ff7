import { createHash } from 'node:crypto'
import { SEARCH_LIMITS } from './search-limits.ts'

/** Gives prepared-statement names to the shapes of SQL that come again and again. One per process. */
export interface StatementNames {
  /** A name for `text`, the same each time; undefined while the shape is not worth one. */
  nameOf(text: string): string | undefined
}

/**
 * A name is given at the third use and never taken back, because PostgreSQL keeps what each connection has prepared;
 * so their number is limited, and shapes beyond it are parsed each time.
 */
export function statementNames(): StatementNames {
  const names = new Map<string, string>()
  const uses = new Map<string, number>()
  return {
    nameOf(text) {
      const known = names.get(text)
      if (known !== undefined || names.size >= SEARCH_LIMITS.namedStatementsMax) return known
      const seen = (uses.get(text) ?? 0) + 1
      uses.delete(text)
      if (seen < SEARCH_LIMITS.namedAfterUses) {
        // Re-inserted last, so that the shape not used for longest is the one forgotten.
        uses.set(text, seen)
        if (uses.size > SEARCH_LIMITS.watchedStatementsMax) uses.delete(uses.keys().next().value as string)
        return undefined
      }
      const name = `search-${createHash('sha256').update(text).digest('base64url').slice(0, 16)}`
      names.set(text, name)
      return name
    },
  }
}
