import { at, type Check } from './check-state.ts'
import type { CodeSystemProvider, Concept } from './concept.ts'
import type { Inquiry } from './inquiry.ts'
import { TerminologyError } from './issues.ts'
import * as messages from './messages.ts'
import type { ConceptSet } from './prepare.ts'
import { canonicalOf, extensionText, objects, STANDARDS_STATUS, text } from './resources.ts'

/** Whether `code` is one of an include's (or an exclude's) concepts, leaving aside the value sets it names. */
export async function inConceptSet(
  inquiry: Inquiry,
  check: Check,
  set: ConceptSet,
  asked: { provider: CodeSystemProvider; code: string; isExclude: boolean },
): Promise<boolean> {
  const { provider, code } = asked
  if (set.concepts.length === 0 && set.filters.length === 0) return inWholeSystem(inquiry, check, asked)
  const listed = set.concepts.find((one) => one.code === code)
  if (listed) {
    const concept = await provider.find(code)
    if (concept) {
      check.coding.see(provider, concept)
      const display = text(listed, 'display')
      const language = text(check.valueSet.resource, 'language')
      if (display !== undefined)
        check.coding.displays.add([{ language, use: undefined, value: display, isDisplay: true }])
      if (usable(inquiry, check, concept, asked)) {
        noteDeprecatedHere(check, listed, asked)
        return true
      }
    }
  }
  if (set.filters.length === 0) return false
  const selection = await provider.select(set.filters, (visits) => inquiry.spend(visits))
  if (!selection) throw filterFault(set, provider)
  const concept = await selection.find(code)
  if (!concept) return false
  check.coding.see(provider, concept)
  return usable(inquiry, check, concept, asked)
}

/** Which of the filters is not understood, as a fault. */
export function filterFault(set: ConceptSet, provider: CodeSystemProvider): TerminologyError {
  const [filter] = set.filters
  return new TerminologyError(
    {
      severity: 'error',
      code: 'not-supported',
      type: 'vs-invalid',
      id: 'FILTER_NOT_UNDERSTOOD',
      text: messages.filterNotUnderstood(filter ?? { property: '', op: '', value: '' }, provider.head.url),
      path: `ValueSet.compose.${set.place}.filter`,
    },
    400,
  )
}

async function inWholeSystem(
  inquiry: Inquiry,
  check: Check,
  asked: { provider: CodeSystemProvider; code: string; isExclude: boolean },
): Promise<boolean> {
  const { provider, code, isExclude } = asked
  const concept = await provider.find(code)
  if (!concept) {
    if (inquiry.settings.is('valueset-membership-only') || isExclude) return false
    return noteUnknown(check, provider, code)
  }
  if (concept.code !== code) noteCase(check, provider, { code, correct: concept.code })
  check.coding.see(provider, concept)
  return usable(inquiry, check, concept, asked)
}

/** A code that a fragment does not hold may still be one. */
export function noteUnknown(check: Check, provider: CodeSystemProvider, code: string): boolean {
  const { url, version, content } = provider.head
  const isFragment = content !== 'complete'
  check.state.issues.add({
    severity: isFragment ? 'warning' : 'error',
    code: 'code-invalid',
    type: 'invalid-code',
    id: isFragment ? 'UNKNOWN_CODE_IN_FRAGMENT' : version === undefined ? 'Unknown_Code_in' : 'Unknown_Code_in_Version',
    text: isFragment ? messages.unknownInFragment(code, url, version) : messages.unknownCode(code, url, version),
    path: at(check.path, 'code'),
  })
  return isFragment
}

function noteCase(check: Check, { head }: CodeSystemProvider, found: { code: string; correct: string }): void {
  check.state.normalForm = found.correct
  check.state.issues.add({
    severity: 'information',
    code: 'business-rule',
    type: 'code-rule',
    id: 'CODE_CASE_DIFFERENCE',
    text: messages.caseDifference(found.code, found.correct, canonicalOf(head.url, head.version)),
    path: at(check.path, 'code'),
  })
}

/** Whether a concept that was found may be used here: neither abstract nor inactive where that is not allowed. */
function usable(
  inquiry: Inquiry,
  check: Check,
  concept: Concept,
  asked: { provider: CodeSystemProvider; code: string; isExclude: boolean },
): boolean {
  const { provider, code, isExclude } = asked
  const { settings } = inquiry
  if (isExclude) return true
  if (concept.isAbstract && !settings.is('abstract')) {
    const text = messages.abstractCode(provider.head.url, code)
    noteRule(check, 'ABSTRACT_CODE_NOT_ALLOWED', text)
    return false
  }
  const isRefused = concept.isInactive && (check.valueSet.excludesInactive || settings.is('activeOnly'))
  if (isRefused) {
    const text = messages.notActive(code)
    noteRule(check, 'STATUS_CODE_WARNING_CODE', text)
    check.state.tell(text)
  }
  if (concept.isInactive && !check.state.inactive) check.state.inactive = { path: check.path, code }
  check.state.status ??= concept.status
  return !isRefused
}

function noteRule(check: Check, id: string, text: string): void {
  check.state.issues.add({
    severity: 'error',
    code: 'business-rule',
    type: 'code-rule',
    id,
    text,
    path: at(check.path, 'code'),
  })
}

const DEPRECATED = 'http://hl7.org/fhir/StructureDefinition/valueset-deprecated'

/** A value set may hold a concept and advise against it. */
function noteDeprecatedHere(
  check: Check,
  listed: ConceptSet['raw'],
  { provider, code }: { provider: CodeSystemProvider; code: string },
): void {
  const standards = extensionText(listed, STANDARDS_STATUS)
  const hasMark = objects(listed, 'extension').some((one) => one.url === DEPRECATED)
  const status =
    standards === 'withdrawn' || standards === 'deprecated' ? standards : hasMark ? 'deprecated' : undefined
  if (status === undefined) return
  check.state.issues.add({
    severity: 'warning',
    code: 'business-rule',
    type: 'code-comment',
    id: 'CONCEPT_DEPRECATED_IN_VALUESET',
    text: messages.deprecatedInValueSet(provider.head.url, code, status, check.valueSet.canonical),
    path: at(check.path, 'code'),
  })
}
