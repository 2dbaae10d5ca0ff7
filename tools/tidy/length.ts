import { functionsOf } from './function-spans.ts'
import type { Problem, Rule } from './rule.ts'
import { lineAt, type Source } from './source.ts'

const FILE_LINES_MAX = 500
const FUNCTION_LINES_MAX = 70
/** A file that is one table says so in a comment before its first line of code. */
const TABLE = /^\/\/ table:/

/** A file has at most 500 lines and a function fits a screen: 70 lines. */
export const length: Rule = {
  name: 'length',
  check: (repository) => repository.sources.filter((source) => !isTable(source)).flatMap(tooLong),
}

function isTable(source: Source): boolean {
  const code = source.code.search(/\S/)
  return source.comments.some(({ start, text }) => TABLE.test(text) && (code === -1 || start < code))
}

function tooLong(source: Source): Problem[] {
  const problems: Problem[] = []
  const lines = lineAt(source.text, source.text.trimEnd().length)
  if (lines > FILE_LINES_MAX)
    problems.push({
      path: source.path,
      line: FILE_LINES_MAX + 1,
      message: `${lines} lines; ${FILE_LINES_MAX} is the limit. Split it by what it does (a table says "// table:" on top).`,
    })
  for (const { name, start, end } of functionsOf(source)) {
    const first = lineAt(source.text, start)
    const count = lineAt(source.text, end) - first + 1
    if (count > FUNCTION_LINES_MAX)
      problems.push({
        path: source.path,
        line: first,
        message: `${name} has ${count} lines; ${FUNCTION_LINES_MAX} is the limit. Give its steps names.`,
      })
  }
  return problems
}
