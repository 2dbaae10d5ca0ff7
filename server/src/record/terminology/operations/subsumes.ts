import type { Inquiry } from '../engine/inquiry.ts'
import { findCode } from '../engine/lookup.ts'
import { text } from '../engine/resources.ts'
import { invalid } from '../engine/settings.ts'
import { parametersOf } from '../engine/validate-code.ts'
import type { ParametersIn } from './parameters-in.ts'

/** http://hl7.org/fhir/R4/codesystem-operation-subsumes.html */
export async function subsumes(inquiry: Inquiry, parameters: ParametersIn, url: string | undefined): Promise<object> {
  const codingA = parameters.object('codingA')
  const codingB = parameters.object('codingB')
  const system = url ?? parameters.text('system') ?? text(codingA, 'system')
  const a = parameters.text('codeA') ?? text(codingA, 'code')
  const b = parameters.text('codeB') ?? text(codingB, 'code')
  if (system === undefined || a === undefined || b === undefined)
    throw invalid('Give system, codeA and codeB, or codingA and codingB.')
  const systemB = text(codingB, 'system')
  if (systemB !== undefined && systemB !== system) throw invalid('Both codes must be of one code system.')
  const version = parameters.text('version')
  const { provider } = await findCode(inquiry, { system, version, code: a })
  await findCode(inquiry, { system, version, code: b })
  const outcome = await provider.subsumes(a, b, (visits) => inquiry.spend(visits))
  return parametersOf([['outcome', { valueCode: outcome ?? 'not-subsumed' }]])
}
