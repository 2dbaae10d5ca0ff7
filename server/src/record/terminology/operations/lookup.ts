import type { Inquiry } from '../engine/inquiry.ts'
import { lookupCode } from '../engine/lookup.ts'
import { text } from '../engine/resources.ts'
import { invalid } from '../engine/settings.ts'
import type { ParametersIn } from './parameters-in.ts'

/** http://hl7.org/fhir/R4/codesystem-operation-lookup.html */
export function lookup(inquiry: Inquiry, parameters: ParametersIn, url: string | undefined): Promise<object> {
  const coding = parameters.object('coding')
  const system = url ?? text(coding, 'system') ?? parameters.text('system')
  const code = text(coding, 'code') ?? parameters.text('code')
  if (system === undefined || code === undefined) throw invalid('Give system and code, or a coding with both.')
  const version = text(coding, 'version') ?? parameters.text('version')
  return lookupCode(inquiry, { system, version, code })
}
