// node tools/run.mjs tools/tidy.ts [--write-lists]: checks the rules of the house (STYLE.md) in under a second.
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readRepository } from './tidy/repository.ts'
import { RULES } from './tidy/rules.ts'
import { writeList } from './tidy/shrinking-list.ts'
import { faultCodeList, untestedFaults } from './tidy/tested-faults.ts'

const started = performance.now()
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const repository = readRepository(root)

if (process.argv.includes('--write-lists')) writeList(root, faultCodeList(root), untestedFaults(repository).keys())

const found = RULES.flatMap((rule) => rule.check(repository).map((problem) => ({ rule: rule.name, ...problem })))
found.sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1))
for (const { path, line, rule, message } of found) console.log(`${path}:${line}  ${rule}: ${message}`)
const milliseconds = Math.round(performance.now() - started)
console.log(
  `${repository.sources.length} sources, ${RULES.length} rules, ${found.length} problems (${milliseconds} ms)`,
)
process.exit(found.length === 0 ? 0 : 1)
