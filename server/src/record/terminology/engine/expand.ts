import { TERMINOLOGY_LIMITS } from '../limits.ts'
import { Collector, type Entry, tooMany } from './collect.ts'
import { expansionParameters } from './expansion-parameters.ts'
import type { Inquiry } from './inquiry.ts'
import { TerminologyError } from './issues.ts'
import { prepareValueSet } from './prepare.ts'
import { contains, PropertyUse } from './render-entry.ts'
import { canonicalParts, isObject, type Json, text } from './resources.ts'

/** Where and when an expansion was made, given by the caller. */
export interface ExpansionStamp {
  identifier: string
  timestamp: string
}

/** Expand a value set: http://hl7.org/fhir/R4/valueset-operation-expand.html */
export async function expandValueSet(inquiry: Inquiry, valueSet: Json, stamp: ExpansionStamp): Promise<object> {
  const prepared = await prepareValueSet(inquiry, valueSet)
  if (!prepared.includes) return existing(valueSet)
  const { settings } = inquiry
  const collector = new Collector(inquiry)
  const entries = [...(await collector.valueSet(prepared, true)).values()]
  if (settings.filter !== undefined) entries.sort((a, b) => b.rank - a.rank)
  const isPaged = settings.count !== undefined || settings.offset !== undefined
  if (!isPaged && entries.length > TERMINOLOGY_LIMITS.expansionCodesMax) throw tooMany()
  const isNested = !isPaged && !settings.is('excludeNested')
  const page = isPaged ? pageOf(entries, settings) : entries
  const properties = new PropertyUse(settings)
  const rendering = { settings, properties, isVersioned: versionsDiffer(collector.usedSystems) }
  const listed = isNested ? nested(page) : page.map((entry) => ({ entry, below: [] }))
  const rendered = listed.map((node) => renderNode(node, rendering))
  const extension = [...unclosed([...collector.fragments.values()]), ...properties.extensions()]
  return {
    ...headOf(valueSet),
    expansion: {
      ...(extension.length === 0 ? {} : { extension }),
      identifier: `urn:uuid:${stamp.identifier}`,
      timestamp: stamp.timestamp,
      // What a large system holds beyond the page was not counted.
      ...(collector.isCut ? {} : { total: entries.length }),
      ...(isPaged ? { offset: settings.offset ?? 0 } : {}),
      parameter: expansionParameters(inquiry, collector),
      ...(rendered.length === 0 ? {} : { contains: rendered }),
    },
  }
}

/** A value set without a definition may carry its expansion. */
function existing(valueSet: Json): object {
  if (isObject(valueSet.expansion)) return valueSet
  throw new TerminologyError({
    severity: 'error',
    code: 'not-supported',
    type: 'vs-invalid',
    text: 'The value set has neither a compose nor an expansion.',
  })
}

function pageOf(entries: readonly Entry[], settings: Inquiry['settings']): readonly Entry[] {
  const offset = settings.offset ?? 0
  const asked = settings.count ?? TERMINOLOGY_LIMITS.expansionCodesMax
  return entries.slice(offset, offset + Math.min(asked, TERMINOLOGY_LIMITS.expansionCodesMax))
}

interface Node {
  entry: Entry
  below: Node[]
}

/** Concepts below their nearest ancestor that is there; those of a list stay flat. */
function nested(entries: readonly Entry[]): Node[] {
  const nodes = new Map<string, Node>()
  const keyOf = (entry: Entry, code: string): string => `${entry.provider.head.url}|${entry.version ?? ''}#${code}`
  for (const entry of entries) if (!entry.isListed) nodes.set(keyOf(entry, entry.concept.code), { entry, below: [] })
  const roots: Node[] = []
  for (const entry of entries) {
    const node = nodes.get(keyOf(entry, entry.concept.code))
    if (entry.isListed || !node) {
      roots.push({ entry, below: [] })
      continue
    }
    const parent = entry.concept.parents.map((code) => nodes.get(keyOf(entry, code))).find((one) => one !== undefined)
    // A hierarchy in a circle has no top: such concepts would vanish.
    if (parent && !isBelow(parent, node)) parent.below.push(node)
    else roots.push(node)
  }
  return roots
}

function isBelow(node: Node, top: Node): boolean {
  const waiting = [...top.below]
  for (let one = waiting.pop(); one; one = waiting.pop()) {
    if (one === node) return true
    waiting.push(...one.below)
  }
  return node === top
}

function renderNode(node: Node, rendering: Parameters<typeof contains>[1]): Json {
  const rendered = contains(node.entry, rendering)
  return node.below.length === 0
    ? rendered
    : { ...rendered, contains: node.below.map((below) => renderNode(below, rendering)) }
}

/** Where one system takes part in several versions, each code names its own. */
function versionsDiffer(canonicals: ReadonlySet<string>): boolean {
  return new Set([...canonicals].map((one) => canonicalParts(one).url)).size < canonicals.size
}

const HEAD = [
  'id',
  'language',
  'contained',
  'url',
  'identifier',
  'version',
  'name',
  'title',
  'status',
  'experimental',
  'date',
  'publisher',
  'immutable',
] // prettier-ignore

function headOf(valueSet: Json): object {
  const head: Record<string, unknown> = { resourceType: 'ValueSet' }
  for (const name of HEAD) if (valueSet[name] !== undefined) head[name] = valueSet[name]
  head.status ??= text(valueSet, 'status') ?? 'unknown'
  return head
}

/** A fragment may have left codes out: http://hl7.org/fhir/R4/extension-valueset-unclosed.html */
function unclosed(systems: readonly string[]): object[] {
  if (systems.length === 0) return []
  return [
    { url: 'http://hl7.org/fhir/StructureDefinition/valueset-unclosed', valueBoolean: true },
    {
      url: 'http://hl7.org/fhir/StructureDefinition/valueset-unclosed-reason',
      valueString: `This extension is based on a fragment of the code system ${systems.join(', ')}`,
    },
  ]
}
