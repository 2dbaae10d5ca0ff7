import { isTest } from './repository.ts'
import type { Problem, Rule } from './rule.ts'
import { lineAt, type Source } from './source.ts'

const CALL = /\b(?:log|logger)\s*\.\s*(?:trace|debug|info|warn|error|fatal)\s*\(\s*/gi

/** The event of a log line is a fixed sentence: a sentence built from data carries that data into the archive. */
export const logging: Rule = {
  name: 'logging',
  check: (repository) =>
    repository.sources.filter(({ path }) => /^(server|apps)\//.test(path) && !isTest(path)).flatMap(builtEvents),
}

function builtEvents(source: Source): Problem[] {
  return [...source.code.matchAll(CALL)].flatMap((match): Problem[] => {
    const at = match.index + match[0].length
    const literal = source.literals.find(({ start }) => start === at)
    const fixed = literal !== undefined && !literal.built && /^\s*[,)]/.test(source.code.slice(literal.end))
    if (fixed) return []
    return [
      {
        path: source.path,
        line: lineAt(source.text, match.index),
        message: "the first argument of a log call is a plain string ('result unmatched'); data goes into the fields.",
      },
    ]
  })
}
