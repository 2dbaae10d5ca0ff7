import tables from '../generated/structures.json' with { type: 'json' }

/** One allowed type of an element. */
export interface TypeRef {
  /** `CodeableConcept`, `code`, `Resource` (any resource), or a node name as in {@link NodeDef}. */
  name: string
  /** Of a Reference or canonical: the resource types it may point to; absent when any. */
  targets?: readonly string[]
}

/** One element of a type or of a nested node. */
export interface ElementDef {
  /** As in the definition, without `[x]`: `value`. */
  name: string
  required: boolean
  many: boolean
  /** A choice element: its JSON name is the name followed by the type. */
  choice: boolean
  summary: boolean
  modifier: boolean
  types: readonly TypeRef[]
  /** Place in the table of value sets, of a required binding that can be checked. */
  binding?: number
}

/** A resource type, a data type, or a node nested in one (`Patient.contact`). */
export interface NodeDef {
  name: string
  /** The type it specialises; its elements are included below. Empty for Element and Resource. */
  base: string
  /** Inherited elements first, in the order of the specification. */
  elements: ReadonlyMap<string, ElementDef>
}

const types: Record<string, string> = tables.types
const targetLists = tables.targets.map((list) => list.split(' '))
const nodes = new Map<string, NodeDef>()

/** The primitive types and what each specialises (`code` specialises `string`). */
export const PRIMITIVE_BASES: Readonly<Record<string, string>> = tables.primitives

/** Types of an open choice, in the order of the specification. Spec: https://hl7.org/fhir/R4/datatypes.html#open */
const OPEN_TYPES = (
  'base64Binary boolean canonical code date dateTime decimal id instant integer markdown oid positiveInt string time ' +
  'unsignedInt uri url uuid Address Age Annotation Attachment CodeableConcept Coding ContactPoint Count Distance ' +
  'Duration HumanName Identifier Money Period Quantity Range Ratio Reference SampledData Signature Timing ' +
  'ContactDetail Contributor DataRequirement Expression ParameterDefinition RelatedArtifact TriggerDefinition ' +
  'UsageContext Dosage Meta'
)
  .split(' ')
  .map((name): TypeRef => ({ name }))

/**
 * The definition of a type or nested node (`Patient`, `HumanName`, `Patient.contact`); undefined for an unknown name
 * and for primitive types. Tables are decoded on first use, per type.
 */
export function node(name: string): NodeDef | undefined {
  const known = nodes.get(name)
  if (known !== undefined) return known
  const dot = name.indexOf('.')
  const type = dot < 0 ? name : name.slice(0, dot)
  const text = Object.hasOwn(types, type) ? types[type] : undefined
  if (text === undefined || nodes.has(type)) return undefined
  decodeType(type, text)
  return nodes.get(name)
}

function decodeType(type: string, text: string): void {
  const lines = text.split('\n')
  let elements = startNode(type, lines[0] ?? '')
  for (const line of lines.slice(1)) {
    if (line.startsWith('@')) {
      const [path, base] = line.slice(1).split(' ')
      elements = startNode(`${type}.${path}`, base ?? '')
    } else {
      const element = decodeElement(type, line)
      elements.set(element.name, element)
    }
  }
}

function startNode(name: string, base: string): Map<string, ElementDef> {
  const elements = new Map(base === '' ? [] : (node(base)?.elements ?? []))
  nodes.set(name, { name, base, elements })
  return elements
}

const LINE = /^(\w+)(\[x\])?([?!*+])(s?)(m?) (\S+)(?: (\d+))?$/

function decodeElement(type: string, line: string): ElementDef {
  const match = LINE.exec(line)
  if (match === null) throw new Error(`unreadable line in the table of ${type}`)
  const [, name = '', choice, sign = '', summary, modifier, allowed = '', binding] = match
  return {
    name,
    required: sign === '!' || sign === '+',
    many: sign === '*' || sign === '+',
    choice: choice !== undefined,
    summary: summary === 's',
    modifier: modifier === 'm',
    types: allowed === '*' ? OPEN_TYPES : allowed.split(',').map((text) => decodeTypeRef(type, text)),
    ...(binding === undefined ? {} : { binding: Number(binding) }),
  }
}

function decodeTypeRef(type: string, text: string): TypeRef {
  if (text.startsWith('#')) return { name: `${type}.${text.slice(1)}` }
  const open = text.indexOf('(')
  if (open < 0) return { name: text }
  return { name: text.slice(0, open), targets: targetLists[Number(text.slice(open + 1, -1))] ?? [] }
}

/** The JSON name of a choice element of this type: `value` and `dateTime` make `valueDateTime`. */
export function choiceName(element: string, type: string): string {
  return element + type.charAt(0).toUpperCase() + type.slice(1)
}
