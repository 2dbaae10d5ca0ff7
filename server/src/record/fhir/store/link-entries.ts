import { typeNumber } from '@salus/fhir-model'
import { eventLoopTurns, raise } from '#kernel'
import type { WriteDependencies } from './apply-writes.ts'
import { type Conditions, canonicalQuery } from './conditions.ts'
import type { Draft } from './draft.ts'
import { matchDrafts, type TypedCondition } from './memory-conditions.ts'
import { openRow } from './open-row.ts'
import type { RecordStore } from './record-store.ts'
import { idOf, NOT_FOUND } from './resolve-targets.ts'
import { conditionalReferences, rewriteReferences } from './rewrite-references.ts'
import type { Caller, Resource, Target, WriteRequest } from './write-request.ts'

interface Entries {
  caller: Caller
  requests: readonly WriteRequest[]
  drafts: readonly (Draft | undefined)[]
  targets: readonly Target[]
  conditions: Conditions
}

/**
 * Make the references between the entries of one transaction final: each entry's fullUrl becomes `Type/id`, conditional
 * references become the one resource they match (in the record or in this transaction), and absolute references to this
 * server become relative. http://hl7.org/fhir/R4/http.html#trules
 */
export async function linkEntries(dependencies: WriteDependencies, entries: Entries): Promise<void> {
  const links = entryLinks(entries)
  const resources = [...new Set(entries.drafts)].flatMap((draft) =>
    // What a stored Bundle holds was linked by whoever made it, and may be signed: it stays as it is.
    draft?.resource && draft.type !== 'Bundle' ? [draft.resource, ...(draft.exact ? [draft.exact] : [])] : [],
  )
  await resolveConditional(dependencies, entries, { resources, links })
  const own = `${dependencies.fhirBase}/`
  const rewrite = (text: string, isReference: boolean): string | undefined => {
    const linked = links.get(text)
    if (linked !== undefined && (isReference || text.startsWith('urn:'))) return linked
    return isReference && text.startsWith(own) ? text.slice(own.length) : undefined
  }
  const narrative = (html: string): string =>
    links.size > 0 && html.includes('urn:')
      ? html.replace(/urn:(?:uuid|oid):[\w.-]+/g, (urn) => links.get(urn) ?? urn)
      : html
  const turn = eventLoopTurns(dependencies.store.clock)
  for (const resource of resources) {
    rewriteReferences(resource, rewrite, narrative)
    await turn()
  }
}

/** What other entries call each entry's resource -> its final `Type/id`. */
function entryLinks({ requests, drafts, targets }: Entries): Map<string, string> {
  const links = new Map<string, string>()
  for (const [index, request] of requests.entries()) {
    if (request.fullUrl === undefined || request.action === 'delete') continue
    const id = drafts[index]?.id ?? targets[index]?.settled?.id
    if (id === undefined) continue
    const link = `${request.type}/${id}`
    links.set(request.fullUrl, link)
    // A RESTful fullUrl also names the entry relatively: http://other/fhir/Patient/12 is Patient/12 to its neighbours.
    const relative = /\/([A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64})$/.exec(request.fullUrl)?.[1]
    if (relative !== undefined && request.action === 'create') links.set(relative, link)
  }
  return links
}

async function resolveConditional(
  dependencies: WriteDependencies,
  entries: Entries,
  found: { resources: Resource[]; links: Map<string, string> },
): Promise<void> {
  const references = new Set<string>()
  const turn = eventLoopTurns(dependencies.store.clock)
  for (const resource of found.resources) {
    conditionalReferences(resource, references)
    await turn()
  }
  if (references.size === 0) return
  const { store, conditionSearch } = dependencies
  const conditions = [...references].map((reference): TypedCondition => {
    const mark = reference.indexOf('?')
    return { type: reference.slice(0, mark), query: canonicalQuery(reference.slice(mark + 1)) }
  })
  const drafts = new Set(entries.drafts.filter((draft) => draft !== undefined))
  const inside = await matchDrafts(conditionSearch, store.clock, conditions, drafts)
  await Promise.all(
    [...references].map(async (reference, index) => {
      const condition = conditions[index] as TypedCondition
      found.links.set(reference, await conditionalTarget(dependencies, entries, condition, inside[index] ?? []))
    }),
  )
}

async function conditionalTarget(
  dependencies: WriteDependencies,
  entries: Entries,
  { type, query }: TypedCondition,
  inside: readonly Draft[],
): Promise<string> {
  const stored = await entries.conditions.match(type, query)
  const candidates = inside.length + (stored.matched > 0 ? 1 : 0)
  if (candidates !== 1)
    raise({
      category: 'precondition',
      code: candidates === 0 ? 'fhir.transaction.reference-unmatched' : 'fhir.transaction.reference-ambiguous',
      message: `A conditional reference to ${type} matches ${candidates === 0 ? 'no resource' : 'more than one resource'}. Load its target first, or name a criterion that one resource meets.`,
    })
  return `${type}/${inside[0]?.id ?? (await storedId(dependencies.store, entries.caller.tenant, type, stored.matched))}`
}

/** The id of a stored resource: clients may have chosen it, so only its body knows. */
async function storedId(store: RecordStore, tenant: number, type: string, rid: number): Promise<string> {
  const row = await store.current({ tenant, type: typeNumber(type) as number, rid })
  return idOf(row ? await openRow(store, row) : raise(NOT_FOUND))
}
