import type { Problem, Rule } from './rule.ts'
import { lineAt, type Source } from './source.ts'

const MARKS = [
  /\b(?:test|it|describe|suite)\s*\.\s*(?:skip|only|todo)\b/g,
  /\b(?:t|context|ctx)\s*\.\s*(?:skip|todo)\s*\(/g,
  /\b(?:test|it|describe|suite)\s*\(\s*(?:'[^']*'|`[^`]*`|"[^"]*")\s*,\s*\{[^{}]*\b(?:skip|only|todo)\s*:/g,
  /\bx(?:it|describe|test)\s*\(/g,
]

/** No test is skipped, singled out or promised for later. */
export const wholeTests: Rule = {
  name: 'whole-tests',
  check: (repository) => repository.sources.filter(({ path }) => path.endsWith('.test.ts')).flatMap(faults),
}

function faults(source: Source): Problem[] {
  return MARKS.flatMap((mark) =>
    [...source.code.matchAll(mark)].map((match) => ({
      path: source.path,
      line: lineAt(source.text, match.index),
      message: 'a test that does not run proves nothing. Make it pass or remove it.',
    })),
  )
}
