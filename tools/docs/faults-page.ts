import { faultsIn } from '../tidy/fault-codes.ts'
import { readRepository } from '../tidy/repository.ts'
import { page, table } from './page.ts'

/** Every fault code the product raises, with its category and what it says. */
export function faultsPage(root: string): string {
  const byCode = new Map<string, { categories: Set<string>; messages: Set<string> }>()
  for (const { code, category, message } of faultsIn(readRepository(root))) {
    const known = byCode.get(code) ?? { categories: new Set(), messages: new Set() }
    known.categories.add(category)
    if (message !== '…') known.messages.add(message)
    byCode.set(code, known)
  }
  const rows = [...byCode].map(([code, { categories, messages }]) => [
    `\`${code}\``,
    [...categories].filter((category) => category !== '…' || categories.size === 1).join(', '),
    [...messages].join(' / '),
  ])
  return page('Faults', 'the faults raised in the source', [
    'A fault has a category, which decides HTTP status, retry and log level, and a stable code for programs. Messages hold no',
    "patient data; `…` stands for a name or a number filled in. Over FHIR the code travels in the OperationOutcome's",
    '`issue.details`.',
    '',
    ...table(['Code', 'Category', 'Message'], rows),
  ])
}
