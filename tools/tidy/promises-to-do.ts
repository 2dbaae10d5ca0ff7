import type { Problem, Rule } from './rule.ts'
import { lineAt } from './source.ts'

const MARK = /\b(?:TODO|FIXME|XXX|HACK)\b/

/** Work that is left is written where work is planned, not in a comment. */
export const promisesToDo: Rule = {
  name: 'promises-to-do',
  check: (repository) => [
    ...repository.sources.flatMap((source) =>
      source.comments
        .filter(({ text }) => MARK.test(text))
        .map(({ start }): Problem => problem(source.path, lineAt(source.text, start))),
    ),
    ...repository.texts
      .filter(({ path }) => path.endsWith('.sql'))
      .flatMap(({ path, text }) =>
        text
          .split('\n')
          .flatMap((line, index) => (MARK.test(line.split('--')[1] ?? '') ? [problem(path, index + 1)] : [])),
      ),
  ],
}

function problem(path: string, line: number): Problem {
  return { path, line, message: 'a promise in a comment. Do it now, or plan it outside the code.' }
}
