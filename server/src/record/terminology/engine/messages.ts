import { canonicalOf } from './resources.ts'

// The texts that terminology clients compare (the tx-ecosystem tests), one place each.

/** `1.0.0 or 1.2.0`; from three on the last with "and". */
export function versionList(versions: readonly string[]): string {
  return versions.length < 3
    ? versions.join(' or ')
    : `${versions.slice(0, -1).join(', ')} and ${versions.at(-1) as string}`
}

export function unknownSystem(system: string, purpose: Purpose): string {
  return `A definition for CodeSystem '${system}' could not be found, so the ${purpose}`
}

type Purpose = 'code cannot be validated' | 'value set cannot be expanded'

export function unknownVersion(
  named: { system: string; version: string; versions: readonly string[] },
  purpose: Purpose,
): string {
  const { system, version, versions } = named
  const known =
    versions.length === 0 ? '. No versions of this code system are known' : `. Valid versions: ${versionList(versions)}`
  return `A definition for CodeSystem '${system}' version '${version}' could not be found, so the ${purpose}${known}`
}

export function unknownValueSet(canonical: string): string {
  return `A definition for the value Set '${canonical}' could not be found`
}

export function unknownCode(code: string, system: string, version: string | undefined): string {
  return `Unknown code '${code}' in the CodeSystem '${system}'${version === undefined ? '' : ` version '${version}'`}`
}

export function unknownInFragment(code: string, system: string, version: string | undefined): string {
  return `Unknown Code '${code}' in the CodeSystem '${system}' version '${version ?? ''}' - note that the code system is labeled as a fragment, so the code may be valid in some other fragment`
}

export function notInValueSet(coded: string, valueSet: string): string {
  return `The provided code ${coded} was not found in the value set '${valueSet}'`
}

export function noValidCoding(valueSet: string): string {
  return `No valid coding was found for the value set '${valueSet}'`
}

export function caseDifference(code: string, correct: string, system: string): string {
  return `The code '${code}' differs from the correct code '${correct}' by case. Although the code system '${system}' is case insensitive, implementers are strongly encouraged to use the correct case anyway`
}

export function versionNotAllowed(system: string, version: string, required: string): string {
  return `The version '${version}' is not allowed for system '${system}': required to be '${required}' by a version-check parameter`
}

export interface VersionClash {
  system: string
  /** Version of the include after all rules. */
  result: string | undefined
  /** Version the include states. */
  stated: string | undefined
  /** Version of the code system that was found. */
  found: string | undefined
  /** Version of the coding. */
  given: string
}

export function versionClash({ system, result, stated, found, given }: VersionClash): { id: string; text: string } {
  const other = `in the ValueSet include is different to the one in the value ('${given}')`
  if (result === undefined)
    return {
      id: 'VALUESET_VALUE_MISMATCH_DEFAULT',
      text: `The code system '${system}' version '${found ?? ''}' for the versionless include ${other}`,
    }
  if (result !== stated)
    return {
      id: 'VALUESET_VALUE_MISMATCH_CHANGED',
      text: `The code system '${system}' version '${result}' resulting from the version '${stated ?? ''}' ${other}`,
    }
  return {
    id: 'VALUESET_VALUE_MISMATCH',
    text: `The code system '${system}' version '${result}' ${other}`,
  }
}

export function supplementsMissing(canonicals: readonly string[]): string {
  return `Required supplement${canonicals.length > 1 ? 's' : ''} not found: ${canonicals.join(',')}`
}

export function filterWithoutValue(system: string, property: string, op: string): string {
  return `The system ${system} filter with property = ${property}, op = ${op} has no value`
}

export function filterNotUnderstood(filter: { property: string; op: string; value: string }, system: string): string {
  return `The filter "${filter.property} ${filter.op} ${filter.value}" was not understood in the context of ${system}`
}

export function circular(valueSet: string, chain: readonly string[]): string {
  return `Cyclic reference detected when including ${valueSet} via [${chain.join(', ')}]`
}

export function abstractCode(system: string, code: string): string {
  return `Code '${system}#${code}' is abstract, and not allowed in this context`
}

export function notActive(code: string): string {
  return `The code '${code}' is valid but is not active`
}

export function inactiveConcept(code: string, status: string | undefined): string {
  const told = status === undefined || status === 'inactive' ? 'inactive' : `${status} and inactive`
  return `The concept '${code}' has a status of ${told} and its use should be reviewed`
}

export function deprecatedConcept(code: string): string {
  return `The concept '${code}' has a status of deprecated and its use should be reviewed`
}

export function deprecatedInValueSet(system: string, code: string, status: string, valueSet: string): string {
  return `The presence of the concept '${code}' in the system '${system}' in the value set ${valueSet} is marked with a status of ${status} and its use should be reviewed`
}

export function referenceTo(status: string, type: string, canonical: string): string {
  return `Reference to ${status} ${type} ${canonical}`
}

export const NO_SYSTEM =
  'Coding has no system. A code with no system has no defined meaning, and it cannot be validated. A system should be provided'

export const RELATIVE_SYSTEM = 'Coding.system must be an absolute reference, not a local reference'

export function cannotInfer(code: string, valueSet: string, matches: readonly string[]): string {
  const start = `The System URI could not be determined for the code '${code}' in the ValueSet '${valueSet}'`
  return matches.length > 1 ? `${start}: value set expansion has multiple matches: [${matches.join(', ')}]` : start
}

interface WrongDisplay {
  given: string
  system: string
  code: string
  languages: string
}

export function wrongDisplay(
  { given, system, code, languages }: WrongDisplay,
  right: { count: number; told: string; isSpacing: boolean },
): { id: string; text: string } {
  const start = `Wrong ${right.isSpacing ? 'whitespace in ' : ''}Display Name '${given}' for ${system}#${code}`
  const tail = `(for the language(s) '${languages}')`
  const base = right.isSpacing
    ? 'Display_Name_WS_for__should_be_one_of__instead_of'
    : 'Display_Name_for__should_be_one_of__instead_of'
  return {
    id: base,
    text:
      right.count === 1
        ? `${start}. Valid display is ${right.told} ${tail}`
        : `${start}. Valid display is one of ${right.count} choices: ${right.told} ${tail}`,
  }
}

export function noDisplayForLanguage({ given, system, code, languages }: WrongDisplay, preferred: string): string {
  return `Wrong Display Name '${given}' for ${system}#${code}. There are no valid display names found for language(s) '${languages}'. Default display is '${preferred}'`
}

export function defaultDisplayUsed({ given, system, code, languages }: WrongDisplay): string {
  return `There are no valid display names found for the code ${system}#${code} for language(s) '${languages}'. The display is '${given}' which is a valid display for the default language`
}

export function noDisplayAtAll({ given, system, code }: WrongDisplay): string {
  return `Cannot validate the display '${given}' for ${system}#${code}, as no displays are known`
}

export function displayNotCurrent(named: {
  given: string
  code: string
  status: string
  right: readonly string[]
}): string {
  const { given, code, status, right } = named
  const told = right.map((one) => `"${one}"`).join(',')
  return `'${given}' is no longer considered a correct display for code '${code}' (status = ${status}). The correct display is one of ${told}.`
}

export const canonical = canonicalOf
