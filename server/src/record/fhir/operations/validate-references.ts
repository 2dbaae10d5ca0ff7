import { isResourceType, typeNumber } from '@salus/fhir-model'
import type { RecordStore } from '../store/record-store.ts'
import { ResolvedIds } from '../store/resolve-ids.ts'
import type { Caller, Resource } from '../store/write-request.ts'
import { VALIDATE_LIMITS } from '../validate/validate-limits.ts'
import type { Finding } from './validate-outcome.ts'

interface LocalReference {
  expression: string
  type: string
  id: string
}

/** What looking for targets found out, and whose data that tells of. */
interface TargetReport {
  findings: Finding[]
  patients: number[]
  /** Targets that are there. */
  count: number
}

/**
 * Whether the resources that references mean are stored here. Of types that the caller may not read nothing is looked for: the
 * answer is the same whether they are there or not. One whose patient was erased is not there.
 */
export async function findTargets(
  store: RecordStore,
  caller: Caller,
  resource: Resource,
  fhirBase: string,
): Promise<TargetReport> {
  const all = localReferences(resource, fhirBase)
  const asked = all.slice(0, VALIDATE_LIMITS.referencesMax)
  const [allowed, others] = [asked.filter(mayRead(caller)), asked.filter((one) => !mayRead(caller)(one))]
  const ids = new ResolvedIds(store, caller.tenant)
  await ids.resolve(allowed, { create: false })
  const report: TargetReport = { findings: others.map(notLookedFor), patients: [], count: 0 }
  const targets = await Promise.all(
    allowed.map(async ({ type, id }) => {
      const rid = ids.rid(type, id)
      const found =
        rid === undefined ? undefined : await store.openable({ tenant: caller.tenant, type: numberOf(type), rid })
      return found?.key && found.row.sealed.length > 0 ? found.row : undefined
    }),
  )
  for (const [index, row] of targets.entries()) {
    if (!row) report.findings.push(notFound(allowed[index] as LocalReference))
    else {
      report.count++
      if (row.patient !== 0) report.patients.push(row.patient)
    }
  }
  if (all.length > asked.length) report.findings.push(TOO_MANY)
  return report
}

const mayRead =
  ({ scopes }: Caller) =>
  ({ type }: LocalReference): boolean =>
    scopes.allows(type, 'r')

function numberOf(type: string): number {
  return typeNumber(type) as number
}

/** References to this server, but for those that mean a neighbour in the same Bundle. */
function localReferences(resource: Resource, fhirBase: string): LocalReference[] {
  const found: LocalReference[] = []
  const inside = neighbours(resource)
  const walk = (node: unknown, expression: string): void => {
    if (Array.isArray(node)) {
      for (const [index, child] of node.entries()) walk(child, `${expression}[${index}]`)
    } else if (typeof node === 'object' && node !== null) {
      const { reference } = node as { reference?: unknown }
      const local = typeof reference === 'string' && !inside.has(reference) ? asLocal(reference, fhirBase) : undefined
      if (local) found.push({ ...local, expression })
      for (const [key, child] of Object.entries(node)) walk(child, `${expression}.${stepOf(key)}`)
    }
  }
  walk(resource, resource.resourceType)
  return found
}

function neighbours({ entry }: Resource): Set<string> {
  const found = new Set<string>()
  for (const one of Array.isArray(entry) ? entry : []) {
    const { fullUrl, resource } = (one ?? {}) as { fullUrl?: string; resource?: Resource }
    if (typeof fullUrl === 'string') found.add(fullUrl)
    if (resource) found.add(`${resource.resourceType}/${resource.id ?? ''}`)
  }
  return found
}

const LOCAL = /^([A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/

function asLocal(reference: string, fhirBase: string): { type: string; id: string } | undefined {
  const own = reference.startsWith(`${fhirBase}/`) ? reference.slice(fhirBase.length + 1) : reference
  const [, type = '', id = ''] = LOCAL.exec(own) ?? []
  return isResourceType(type) ? { type, id } : undefined
}

/** As FHIRPath names it: `value.ofType(Reference)` for `valueReference`. A key that is no name is not repeated. */
function stepOf(key: string): string {
  if (key === 'valueReference') return 'value.ofType(Reference)'
  return /^_?[A-Za-z][A-Za-z0-9_]{0,63}$/.test(key) ? key : '*'
}

const notFound = ({ expression }: LocalReference): Finding => ({
  severity: 'error',
  code: 'not-found',
  expression,
  text: 'The resource that the reference means is not stored here.',
})
const notLookedFor = ({ expression }: LocalReference): Finding => ({
  severity: 'information',
  code: 'forbidden',
  expression,
  text: 'The access token does not allow reading resources of this type, so the target was not looked for.',
})
const TOO_MANY: Finding = {
  severity: 'error',
  code: 'too-costly',
  expression: '',
  text: `More than ${VALIDATE_LIMITS.referencesMax} references; the targets of the others were not looked for.`,
}
