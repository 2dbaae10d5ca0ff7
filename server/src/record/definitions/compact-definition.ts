import type { Definition } from './definition.ts'

/** What only a reader of the specification needs; `url` decides the rest. */
const PROSE = new Set([
  'text',
  'contact',
  'publisher',
  'mapping',
  'description',
  'purpose',
  'copyright',
  'jurisdiction',
  'useContext',
  'meta',
  'keyword',
  'author',
  'editor',
  'reviewer',
  'endorser',
  'relatedArtifact',
])

const ELEMENT_PROSE = new Set([
  'mapping',
  'definition',
  'short',
  'comment',
  'requirements',
  'alias',
  'example',
  'isSummary',
  'isModifierReason',
  'meaningWhenMissing',
  'orderMeaning',
  'label',
  'code',
  'representation',
])

/** Extensions that say how an element is shown, named in code or was standardised: no verdict depends on them. */
const PROSE_EXTENSIONS = new Set(
  [
    'elementdefinition-bindingName',
    'elementdefinition-isCommonBinding',
    'elementdefinition-translatable',
    'elementdefinition-bestpractice-explanation',
    'structuredefinition-explicit-type-name',
    'structuredefinition-display-hint',
    'structuredefinition-normative-version',
    'structuredefinition-hierarchy',
    'structuredefinition-fmm',
    'structuredefinition-wg',
    'structuredefinition-category',
    'structuredefinition-ballot-status',
    'structuredefinition-standards-status',
    'structuredefinition-applicable-version',
    'structuredefinition-fmm-no-warnings',
  ].map((name) => `http://hl7.org/fhir/StructureDefinition/${name}`),
)

type Json = Record<string, unknown>

/**
 * The definition without what no program decides by: narrative, people, mappings and the prose of elements. A profile's
 * differential goes when there is a snapshot. The argument stays as it is.
 */
export function compactDefinition(definition: Definition): Definition {
  const kept = without(definition, PROSE) as Definition
  if (kept.resourceType !== 'StructureDefinition') return kept
  const { snapshot, differential, ...rest } = kept
  const compact = rest as Definition
  if (Array.isArray(rest['extension'])) trimExtensions(compact)
  const whole = elementsOf(snapshot)
  if (whole !== undefined) compact['snapshot'] = { element: whole.map(compactElement) }
  else if (elementsOf(differential) !== undefined)
    compact['differential'] = { element: elementsOf(differential)?.map(compactElement) }
  return compact
}

function elementsOf(view: unknown): Json[] | undefined {
  const elements = (view as { element?: unknown } | undefined)?.element
  return Array.isArray(elements) && elements.length > 0 ? (elements as Json[]) : undefined
}

function compactElement(element: Json): Json {
  if (typeof element !== 'object' || element === null) return element
  const kept = without(element, ELEMENT_PROSE)
  trimExtensions(kept)
  if (Array.isArray(kept['constraint'])) kept['constraint'] = (kept['constraint'] as Json[]).map(compactConstraint)
  if (Array.isArray(kept['type'])) kept['type'] = (kept['type'] as Json[]).map(trimmed)
  const binding = kept['binding']
  if (typeof binding === 'object' && binding !== null) {
    const { description: _, ...rest } = binding as Json
    kept['binding'] = trimmed(rest)
  }
  return kept
}

/** The XPath form of a constraint is for XML tools of before R4. */
function compactConstraint(constraint: Json): Json {
  if (typeof constraint !== 'object' || constraint === null) return constraint
  const { xpath: _, ...rest } = constraint
  return trimmed(rest)
}

function trimmed(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value
  const copy = { ...value }
  trimExtensions(copy)
  return copy
}

function trimExtensions(value: Json): void {
  if (!Array.isArray(value['extension'])) return
  const kept = (value['extension'] as Json[]).filter((extension) => !PROSE_EXTENSIONS.has(String(extension?.['url'])))
  if (kept.length > 0) value['extension'] = kept
  else delete value['extension']
}

/** Without the named members and their `_` siblings, which hold the extensions of primitives. */
function without(value: Json, names: ReadonlySet<string>): Json {
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => !names.has(name.startsWith('_') ? name.slice(1) : name)),
  )
}
