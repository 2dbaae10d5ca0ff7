/** One query of mock.health's queries.yaml. */
export interface Query {
  name: string
  path: string
  params: Record<string, string>
  headers: Record<string, string>
  sample: Record<string, string>
  /** It enters the mix of load tests. */
  load: boolean
}

/**
 * Read queries.yaml. Not YAML in general: a list of flat entries whose values are plain or double-quoted on one line, and
 * maps one level below. Anything else is an error, so that a changed file does not pass half-read.
 */
export function readQueries(text: string): Query[] {
  const queries: Query[] = []
  let query: Query | undefined
  let map: Record<string, string> | undefined
  for (const [index, line] of text
    .slice(text.indexOf('\nqueries:') + 9)
    .split('\n')
    .entries()) {
    if (/^\s*(#.*)?$/.test(line)) continue
    const match = /^( {2}- | {4}| {6})("[^"]*"|[\w-]+):(?: (.*))?$/.exec(line)
    if (!match) throw new Error(`queries.yaml: cannot read line ${index} of the list: ${line}`)
    const [, indent = '', quoted = '', value = ''] = match
    const key = unquoted(quoted)
    if (indent === '  - ') {
      query = { name: '', path: '', params: {}, headers: {}, sample: {}, load: true }
      queries.push(query)
    }
    if (!query) throw new Error('queries.yaml: a value before the first query')
    if (indent.length === 6) {
      if (map) map[key] = unquoted(value)
    } else {
      map = key === 'params' || key === 'headers' || key === 'sample' ? query[key] : undefined
      if (key === 'name' || key === 'path') query[key] = unquoted(value)
      if (key === 'loadtest') query.load = !unquoted(value).startsWith('skip:')
      if (key === 'method' || key === 'body') throw new Error(`queries.yaml: ${key} is not read yet`)
    }
  }
  return queries
}

function unquoted(value: string): string {
  const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(value)
  if (quoted) return JSON.parse(quoted[0]) as string
  return value.replace(/\s+#.*$/, '').trim()
}
