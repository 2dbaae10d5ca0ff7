import { objects } from '../engine/resources.ts'
import { invalid } from '../engine/settings.ts'
import { type Coded, codingIn } from '../engine/validate-code.ts'
import type { ParametersIn } from './parameters-in.ts'

/** Codings of one CodeableConcept that are looked at; real ones have three. */
const CODINGS_MAX = 100

/** The code to validate, in whichever of its three forms; fault when there is none. */
export function codedIn(parameters: ParametersIn, systemName: 'system' | 'url'): Coded {
  const concept = parameters.object('codeableConcept')
  if (concept) {
    const codings = objects(concept, 'coding').map(codingIn)
    if (codings.length > CODINGS_MAX) throw invalid(`A CodeableConcept has at most ${CODINGS_MAX} codings here.`)
    return { mode: 'codeableConcept', codings, concept }
  }
  const coding = parameters.object('coding')
  if (coding) return { mode: 'coding', codings: [codingIn(coding)] }
  const code = parameters.text('code')
  if (code === undefined) throw invalid('There is no code to validate. Give code, coding or codeableConcept.')
  return {
    mode: 'code',
    codings: [
      {
        system: parameters.text(systemName),
        version: parameters.text(systemName === 'url' ? 'version' : 'systemVersion'),
        code,
        display: parameters.text('display'),
      },
    ],
  }
}
