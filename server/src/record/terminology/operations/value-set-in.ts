import type { Inquiry } from '../engine/inquiry.ts'
import { TerminologyError } from '../engine/issues.ts'
import * as messages from '../engine/messages.ts'
import { canonicalOf, canonicalParts, type Json } from '../engine/resources.ts'
import { invalid } from '../engine/settings.ts'
import { implicitValueSet } from './implicit-value-set.ts'
import type { ParametersIn } from './parameters-in.ts'

/** The value set a request speaks of: the one of the address, the one handed in, or the one of that URL. */
export async function valueSetIn(
  inquiry: Inquiry,
  parameters: ParametersIn,
  resource: Json | undefined,
): Promise<Json> {
  const given = resource ?? parameters.resources('valueSet')[0]
  if (given) {
    if (given.resourceType !== 'ValueSet') throw invalid('The parameter valueSet holds a ValueSet.')
    return given
  }
  const url = parameters.text('url') ?? parameters.text('context')
  if (url === undefined) throw invalid('There is no value set. Give url, or the parameter valueSet.')
  const pinned = inquiry.pinned(url)
  const version = parameters.text('valueSetVersion') ?? canonicalParts(pinned).version
  const found = await inquiry.library.resource('ValueSet', pinned, version)
  if (found) return found
  const implicit = await implicitValueSet(inquiry, url)
  if (implicit) return implicit
  throw new TerminologyError({
    severity: 'error',
    code: 'not-found',
    type: 'not-found',
    id: 'Unable_to_resolve_value_Set_',
    text: messages.unknownValueSet(canonicalOf(canonicalParts(url).url, version)),
  })
}
