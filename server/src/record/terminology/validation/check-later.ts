import type { CodeCheck, CodeVerdict, CodingVerdict } from '@salus/fhir-validator'
import { type Check, CheckState, type CodingIn, CodingState } from '../engine/check-state.ts'
import { inValueSet } from '../engine/check-value-set.ts'
import { Displays } from '../engine/displays.ts'
import { Inquiry } from '../engine/inquiry.ts'
import { TerminologyError } from '../engine/issues.ts'
import type { Library } from '../engine/library.ts'
import { type PreparedValueSet, prepareValueSet } from '../engine/prepare.ts'
import { Settings } from '../engine/settings.ts'

/** Answers the validator with all that is known, the database and the tenant's own terminology included. */
export async function checkLater(library: Library, check: CodeCheck): Promise<CodeVerdict> {
  const settings = new Settings(false)
  if (check.systemImplied) settings.take('inferSystem', true, true)
  const inquiry = new Inquiry(library, settings)
  try {
    const resource = await library.resource('ValueSet', check.valueSet)
    const prepared = resource && (await prepareValueSet(inquiry, resource))
    return await verdictOf(inquiry, prepared, check)
  } catch (error) {
    if (!(error instanceof TerminologyError)) throw error
    const isCostly = error.issues[0]?.type === 'too-costly'
    return { inValueSet: 'unknown', reason: isCostly ? 'too-costly' : 'value-set-unknown' }
  }
}

async function verdictOf(
  inquiry: Inquiry,
  prepared: PreparedValueSet | undefined,
  { codings }: CodeCheck,
): Promise<CodeVerdict> {
  let isIn: boolean | undefined = false
  const verdicts: CodingVerdict[] = []
  for (const { system, version, code, display } of codings) {
    const coding: CodingIn = { system, version, code, display }
    const known = prepared ? await isCodingIn(inquiry, prepared, coding) : undefined
    if (isIn !== true && known !== false) isIn = known
    verdicts.push(
      system === undefined || code === undefined ? {} : await codingVerdict(inquiry, { ...coding, system, code }),
    )
  }
  const told = verdicts.some(({ problem }) => problem !== undefined) ? { codings: verdicts } : {}
  if (!prepared) return { inValueSet: 'unknown', reason: 'value-set-unknown', ...told }
  return isIn === undefined
    ? { inValueSet: 'unknown', reason: 'system-unknown', ...told }
    : { inValueSet: isIn, ...told }
}

async function isCodingIn(
  inquiry: Inquiry,
  valueSet: PreparedValueSet,
  coding: CodingIn,
): Promise<boolean | undefined> {
  const check: Check = { state: new CheckState(), coding: new CodingState(), valueSet, path: '' }
  return (await inValueSet(inquiry, check, coding)) ?? isListed(valueSet, coding)
}

/** A list is a list, whether or not its code system is here. */
function isListed({ includes }: PreparedValueSet, { system, code }: CodingIn): boolean | undefined {
  const own = (includes ?? []).filter((set) => set.system === system)
  if (own.some(({ concepts }) => concepts.some((one) => one.code === code))) return true
  return own.every(({ concepts }) => concepts.length > 0) ? false : undefined
}

async function codingVerdict(
  inquiry: Inquiry,
  { system, version, code, display }: CodingIn & { system: string; code: string },
): Promise<CodingVerdict> {
  const provider = (await inquiry.system(system, version)) ?? (await inquiry.system(system, undefined))
  if (!provider) return { problem: 'unknown-system' }
  const concept = await provider.find(code)
  if (!concept) return provider.head.content === 'complete' ? { problem: 'unknown-code' } : {}
  if (display === undefined) return {}
  const displays = new Displays()
  displays.add(concept.designations)
  if (displays.all.length === 0 || displays.has(display, { languages: undefined }) !== false) return {}
  const right = displays.preferred(undefined)?.value
  return right === undefined ? {} : { problem: 'wrong-display', display: right }
}
