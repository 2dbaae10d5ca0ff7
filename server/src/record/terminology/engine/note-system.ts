import { at, type Check } from './check-state.ts'
import type { CodeSystemProvider } from './concept.ts'
import type { Inquiry } from './inquiry.ts'
import * as messages from './messages.ts'

/** A version that `check-system-version` does not allow. */
export function noteRefusedVersion(inquiry: Inquiry, check: Check, { head }: CodeSystemProvider): void {
  const required = inquiry.refusedBy(head.url, head.version)
  if (required === undefined) return
  check.state.issues.add({
    severity: 'error',
    code: 'exception',
    type: 'version-error',
    id: 'VALUESET_VERSION_CHECK',
    text: messages.versionNotAllowed(head.url, head.version ?? '', required),
    path: at(check.path, 'version'),
  })
}

export async function noteUnknownSystem(
  inquiry: Inquiry,
  check: Check,
  system: string,
  version: string | undefined,
): Promise<void> {
  const versions = version === undefined ? [] : await inquiry.library.versions(system)
  const purpose = 'code cannot be validated'
  const isVersioned = version !== undefined && versions.length > 0
  const canonical = isVersioned ? messages.canonical(system, version) : system
  const text =
    version === undefined
      ? messages.unknownSystem(system, purpose)
      : messages.unknownVersion({ system, version, versions }, purpose)
  const id =
    version === undefined
      ? 'UNKNOWN_CODESYSTEM'
      : isVersioned
        ? 'UNKNOWN_CODESYSTEM_VERSION'
        : 'UNKNOWN_CODESYSTEM_VERSION_NONE'
  check.state.tell(text)
  if (check.state.unknownSystems.has(canonical)) return
  check.state.unknownSystems.add(canonical)
  check.state.issues.add({
    severity: 'error',
    code: 'not-found',
    type: 'not-found',
    id,
    text,
    path: at(check.path, 'system'),
  })
}
