import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Definition } from '../../server/src/record/definitions/index.ts'

/** A case of fhir-test-cases with the outcome of the reference validator. */
export interface ValidatorCase {
  name: string
  module: string
  file: string
  errors: number | null
  issues: { severity: string; expression: string | string[]; text: string }[] | null
  settings: {
    supporting?: string[]
    profiles?: string[]
    examples?: boolean
    validateReference?: string
    'security-checks'?: boolean
    'allowed-extension-domain'?: string
  } | null
}

/** Modules that are no validation of a resource by profiles, with why. */
export const OUT_OF_SCOPE: Readonly<Record<string, string>> = {
  matchetype: 'out of scope: matches JSON against a pattern, which is no validation',
  cdshooks: 'out of scope: CDS Hooks requests are no resources',
  shc: 'out of scope: SMART health cards are no resources',
  dsig: 'out of scope: digital signatures',
  json5: 'out of scope: another syntax than JSON',
  api: 'out of scope: the programming interface of the reference validator',
  tx: 'out of scope: asks a public terminology server',
  'tx-advanced': 'out of scope: asks a public terminology server',
}

/** The folder of the cases and their files. */
export const folderOf = (corpora: string): string => join(corpora, 'fhir-test-cases', 'validator')

export function readCases(corpora: string): ValidatorCase[] {
  return JSON.parse(readFileSync(join(corpora, 'fhir-test-cases', 'index.json'), 'utf8')) as ValidatorCase[]
}

export const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''))

/** The definitions that a case brings along; those in XML are left out. */
export function supporting(corpora: string, { settings }: ValidatorCase): Definition[] {
  return [...(settings?.supporting ?? []), ...(settings?.profiles ?? [])]
    .map((file) => join(folderOf(corpora), file))
    .filter((path) => path.endsWith('.json') && existsSync(path))
    .map((path) => readJson(path) as Definition)
}

/** Places as both write them: the reference names resources in comments and extensions by their url. */
export function plainExpression(expression: string): string {
  return expression
    .replace(/\/\*.*?\*\//g, '')
    .replace(/\[url='[^']*'\]/g, '')
    .replace(/\.$/, '')
}
