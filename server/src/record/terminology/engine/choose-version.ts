import { at, type Check } from './check-state.ts'
import type { Inquiry } from './inquiry.ts'
import { hasVersion } from './library.ts'
import * as messages from './messages.ts'
import { noteUnknownSystem } from './note-system.ts'
import { isMoreDetailed } from './versions.ts'

interface Versions {
  system: string
  /** Of the include. */
  stated: string | undefined
  /** Of the coding. */
  given: string | undefined
}

/**
 * The version of a code system in which a coding is looked up: what the include states after the rules of the request, or what
 * the coding says where that fits. Where it does not, that is an issue, and the include's version is used.
 */
export async function chosenVersion(
  inquiry: Inquiry,
  check: Check,
  { system, stated, given }: Versions,
): Promise<string | undefined> {
  let result = inquiry.systemVersion(system, stated)
  if (given === undefined) return result
  if (result !== undefined) {
    if (given !== result && isMoreDetailed(result, given)) result = given
  } else if (hasVersion(await inquiry.library.versions(system), given)) result = given
  const provider = await inquiry.exactSystem(system, result)
  if (!provider) {
    if (result !== given) noteClash(check, { system, result, stated: result, found: undefined, given }, 'error')
    return result
  }
  const found = provider.head.version
  if (found === given || isMoreDetailed(given, found)) return result
  const severity = result === undefined && !provider.head.isVersionNeeded ? 'warning' : 'error'
  noteClash(check, { system, result, stated, found, given }, severity)
  if (!(await inquiry.exactSystem(system, given))) await noteUnknownSystem(inquiry, check, system, given)
  return result
}

function noteClash(check: Check, clash: messages.VersionClash, severity: 'error' | 'warning'): void {
  const { id, text } = messages.versionClash(clash)
  check.state.issues.add({
    severity,
    code: 'invalid',
    type: 'vs-invalid',
    id,
    text,
    path: at(check.path, 'version'),
  })
  if (severity === 'error') check.state.tell(text)
}
