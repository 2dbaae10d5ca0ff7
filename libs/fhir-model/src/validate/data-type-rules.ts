import type { Json } from '../json.ts'
import type { Problem } from './issue.ts'
import { type Rule, report } from './walk.ts'

const VALUE_OR_EXTENSIONS: Problem = {
  code: 'invariant',
  message: 'ext-1: An extension has either a value or extensions, not both and not neither.',
}

/** The rule that a data type brings with it wherever it is used; null for most. */
export function dataTypeRule(type: string): Rule | null {
  return type === 'Extension' ? extensionRule : null
}

/** Spec: https://hl7.org/fhir/R4/extensibility.html#Extension */
function extensionRule(extension: Json): void {
  let values = false
  for (const key in extension) {
    if (key.startsWith('value') || key.startsWith('_value')) values = true
  }
  if (values === (extension.extension !== undefined)) report(VALUE_OR_EXTENSIONS)
}
