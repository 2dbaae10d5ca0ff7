import { randomUUID } from 'node:crypto'
import type { Clock } from '#kernel'
import { expandValueSet } from './engine/expand.ts'
import { Inquiry } from './engine/inquiry.ts'
import { Library, requestShelf, type Shelf } from './engine/library.ts'
import type { Json } from './engine/resources.ts'
import { Settings, takeParameters } from './engine/settings.ts'
import { Work } from './engine/work.ts'
import { lookup } from './operations/lookup.ts'
import { ParametersIn } from './operations/parameters-in.ts'
import { subsumes } from './operations/subsumes.ts'
import { translate } from './operations/translate.ts'
import { validateBatch, validateInCodeSystem, validateInValueSet } from './operations/validate-code.ts'
import { valueSetIn } from './operations/value-set-in.ts'

/** One call of a terminology operation. */
export interface TerminologyCall {
  /** A Parameters resource as it came; read with care. */
  parameters: Json
  /** The resource of the address, for a call on an instance. */
  resource?: Json
  acceptLanguage?: string
  /** What the tenant's own record holds. */
  record: Shelf
}

/** Operations that are answered from what is known, without a state of their own. */
export type OperationName =
  | 'lookup'
  | 'validate-code-system'
  | 'validate-value-set'
  | 'batch-validate-code'
  | 'subsumes'
  | 'expand'
  | 'translate'

/** Runs operations over the shelves of this process. */
export function operationRunner(options: { shelves: readonly Shelf[]; clock: Clock }) {
  const open = (call: TerminologyCall, work: Work, parameters: ParametersIn, isExpansion: boolean): Inquiry => {
    const settings = new Settings(isExpansion)
    takeParameters(settings, parameters.resource)
    settings.acceptLanguage(call.acceptLanguage)
    const own = requestShelf([
      ...parameters.resources('tx-resource'),
      ...parameters.resources('codeSystem'),
      ...parameters.resources('valueSet'),
    ])
    return new Inquiry(new Library(own, [call.record, ...options.shelves]), settings, work)
  }
  return async (name: OperationName, call: TerminologyCall): Promise<object> => {
    const parameters = new ParametersIn(call.parameters)
    const work = new Work(options.clock)
    const inquiry = open(call, work, parameters, name === 'expand')
    const url = typeof call.resource?.url === 'string' ? call.resource.url : undefined
    switch (name) {
      case 'lookup':
        return lookup(inquiry, parameters, url)
      case 'subsumes':
        return subsumes(inquiry, parameters, url)
      case 'validate-code-system':
        return validateInCodeSystem(inquiry, parameters, call.resource)
      case 'validate-value-set':
        return validateInValueSet(inquiry, parameters, call.resource)
      case 'batch-validate-code':
        return validateBatch(
          (one) => open(call, work, one, false),
          parameters,
          work,
          (one, its) => validateInValueSet(one, its, undefined),
        )
      case 'translate':
        return translate(inquiry, parameters, call.resource)
      case 'expand': {
        const timestamp = new Date(options.clock.now()).toISOString()
        const valueSet = await valueSetIn(inquiry, parameters, call.resource)
        return expandValueSet(inquiry, valueSet, { identifier: randomUUID(), timestamp })
      }
    }
  }
}
