// node tools/run.mjs tools/generate-fhir-model.ts [folder]: writes libs/fhir-model/src/generated/*.json.
//
// The folder is an unpacked hl7.fhir.r4.examples package, which despite its name is the only R4 package with every
// StructureDefinition and SearchParameter as a file. Without a folder the package is fetched into a temporary one.
// The tables are JSON and not TypeScript, because Node parses JSON several times faster than it strips types.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PACKAGE = 'hl7.fhir.r4.examples@4.0.1'
const OUT = join(import.meta.dirname, '../libs/fhir-model/src/generated')
const BASE = 'http://hl7.org/fhir/StructureDefinition/'
const PARAMETER_BASE = 'http://hl7.org/fhir/SearchParameter/'
/** A value set beyond this many codes is checked by a terminology service, not by a table. */
const CODES_MAX = 500
/** From this many allowed types on an element is an open choice (`value[x]` of Extension: 50), written `*`. */
const OPEN_TYPES_MIN = 40

interface TypeRef {
  code: string
  targetProfile?: string[]
  extension?: { url: string; valueUrl?: string }[]
}
interface ElementDefinition {
  path: string
  min: number
  max: string
  base?: { path: string }
  type?: TypeRef[]
  contentReference?: string
  isSummary?: boolean
  isModifier?: boolean
  binding?: { strength: string; valueSet?: string }
}
interface StructureDefinition {
  url: string
  type: string
  kind: string
  abstract: boolean
  derivation?: string
  baseDefinition?: string
  snapshot: { element: ElementDefinition[] }
}
interface SearchParameter {
  id: string
  url: string
  code: string
  type: string
  base?: string[]
  expression?: string
  target?: string[]
  component?: { definition: string; expression: string }[]
}
interface Concept {
  code: string
  concept?: Concept[]
}
interface CodeSystem {
  url: string
  content: string
  concept?: Concept[]
}
interface Include {
  system?: string
  concept?: Concept[]
  filter?: unknown[]
  valueSet?: string[]
}
interface ValueSet {
  url: string
  compose?: { include?: Include[]; exclude?: Include[] }
}
interface CompartmentDefinition {
  id: string
  code: string
  resource: { code: string; param?: string[] }[]
}

/** Values shared by many rows, named by their place. */
class Shared {
  readonly values: string[] = []
  private readonly places = new Map<string, number>()

  place(value: string): number {
    const known = this.places.get(value)
    if (known !== undefined) return known
    this.places.set(value, this.values.length)
    return this.values.push(value) - 1
  }
}

const last = (url: string): string => url.slice(url.lastIndexOf('/') + 1)

function fetchPackage(): string {
  const folder = mkdtempSync(join(tmpdir(), 'salus-fhir-'))
  execFileSync('npm', ['pack', PACKAGE, '--silent'], { cwd: folder })
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz'))
  if (archive === undefined) throw new Error(`npm pack ${PACKAGE} left no archive in ${folder}`)
  execFileSync('tar', ['-xzf', archive], { cwd: folder })
  return folder
}

function read<T>(folder: string, prefix: string): T[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${prefix}-`))
    .toSorted()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as T)
}

// --- value sets ------------------------------------------------------------------------------------------------------

/** Expands the value sets of required bindings; null for one that the package cannot enumerate. */
class Expander {
  private readonly systems: Map<string, CodeSystem>
  private readonly valueSets: Map<string, ValueSet>
  readonly skipped = new Set<string>()

  constructor(systems: CodeSystem[], valueSets: ValueSet[]) {
    this.systems = new Map(systems.map((system) => [system.url, system]))
    this.valueSets = new Map(valueSets.map((set) => [set.url, set]))
  }

  /** `system code code|system code`, sorted; codes of complete code systems only. */
  expand(canonical: string): string | null {
    const set = this.valueSets.get(canonical.split('|')[0] ?? '')
    const codes = new Map<string, Set<string>>()
    const include = set?.compose?.include ?? []
    if (include.length === 0 || !include.every((part) => this.add(part, codes, true))) return this.skip(canonical)
    if (!(set?.compose?.exclude ?? []).every((part) => this.add(part, codes, false))) return this.skip(canonical)
    if ([...codes.values()].reduce((sum, list) => sum + list.size, 0) > CODES_MAX) return this.skip(canonical)
    return [...codes]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([system, list]) => [system, ...[...list].toSorted()].join(' '))
      .join('|')
  }

  private skip(canonical: string): null {
    this.skipped.add(canonical)
    return null
  }

  private add(part: Include, into: Map<string, Set<string>>, adds: boolean): boolean {
    if (part.filter !== undefined || part.valueSet !== undefined || part.system === undefined) return false
    const system = this.systems.get(part.system)
    if (part.concept === undefined && system?.content !== 'complete') return false
    const list = into.get(part.system) ?? new Set<string>()
    into.set(part.system, list)
    const visit = (concepts: Concept[]): void => {
      for (const { code, concept } of concepts) {
        if (/[\s|]/.test(code)) throw new Error(`code with a blank or bar in ${part.system}`)
        if (adds) list.add(code)
        else list.delete(code)
        visit(concept ?? [])
      }
    }
    visit(part.concept ?? system?.concept ?? [])
    return list.size > 0 || !adds
  }
}

// --- structures ------------------------------------------------------------------------------------------------------

const targets = new Shared()
const bindings = new Shared()

const CARDINALITY: Record<string, string> = { '0..1': '?', '1..1': '!', '0..*': '*', '1..*': '+' }

/** `Reference(3)`: a reference to the types of target list 3; `#contact`: the node of that path. */
function typeText(ref: TypeRef): string {
  const special = ref.extension?.find((extension) => extension.url.endsWith('structuredefinition-fhir-type'))
  const code = special?.valueUrl ?? last(ref.code)
  if (ref.targetProfile === undefined || (code !== 'Reference' && code !== 'canonical')) return code
  const types = ref.targetProfile.map(last).toSorted()
  return types.includes('Resource') ? code : `${code}(${targets.place(types.join(' '))})`
}

function elementTypes(element: ElementDefinition, type: string): string {
  if (element.contentReference) return element.contentReference.replace(`#${type}.`, '#')
  const refs = element.type ?? []
  if (refs.some((ref) => ref.code === 'BackboneElement' || ref.code === 'Element'))
    return `#${element.path.slice(type.length + 1)}`
  if (element.path.endsWith('[x]') && refs.length >= OPEN_TYPES_MIN) return '*'
  return refs.map(typeText).join(',')
}

/** One line: `name`, cardinality sign, `s` when in the summary, `m` when a modifier, blank, types, binding if any. */
function elementLine(element: ElementDefinition, type: string, expander: Expander): string {
  const sign = CARDINALITY[`${element.min}..${element.max}`]
  if (sign === undefined) throw new Error(`unexpected cardinality of ${element.path}`)
  const flags = `${element.isSummary ? 's' : ''}${element.isModifier ? 'm' : ''}`
  const binding = element.binding?.strength === 'required' ? expander.expand(element.binding.valueSet ?? '') : null
  const suffix = binding === null ? '' : ` ${bindings.place(binding)}`
  return `${last(element.path.replaceAll('.', '/'))}${sign}${flags} ${elementTypes(element, type)}${suffix}`
}

/** The type as lines: its base type, its elements; then each nested node as `@path base` and its elements. */
function structureText(definition: StructureDefinition, expander: Expander): string {
  const { type } = definition
  const nodes = new Map<string, string[]>([[type, [last(definition.baseDefinition ?? '')]]])
  for (const element of definition.snapshot.element.slice(1)) {
    const parent = element.path.slice(0, element.path.lastIndexOf('.'))
    const own = element.base?.path.startsWith(`${type}.`) === true
    if (!own || (type === 'xhtml' && element.max === '0')) continue
    nodes.get(parent)?.push(elementLine(element, type, expander))
    const nested = element.type?.find((ref) => ref.code === 'BackboneElement' || ref.code === 'Element')
    if (nested !== undefined) nodes.set(element.path, [`@${element.path.slice(type.length + 1)} ${nested.code}`])
  }
  return [...nodes.values()].map((lines) => lines.join('\n')).join('\n')
}

function structures(definitions: StructureDefinition[], expander: Expander): object {
  const base = definitions
    .filter((definition) => definition.url === BASE + definition.type && definition.derivation !== 'constraint')
    .toSorted((a, b) => (a.type < b.type ? -1 : 1))
  const parent = (definition: StructureDefinition): string => last(definition.baseDefinition ?? '')
  const described = base.filter(({ kind }) => kind === 'resource' || kind === 'complex-type')
  return {
    source: PACKAGE,
    resources: base.filter(({ kind, abstract }) => kind === 'resource' && !abstract).map(({ type }) => type),
    primitives: Object.fromEntries(
      base.filter(({ kind }) => kind === 'primitive-type').map((d) => [d.type, parent(d)]),
    ),
    types: Object.fromEntries(described.map((d) => [d.type, structureText(d, expander)])),
    targets: targets.values,
    bindings: bindings.values,
    notEnumerable: [...expander.skipped].toSorted(),
  }
}

// --- search parameters -----------------------------------------------------------------------------------------------

/** Parameters over extensions and the specification's own examples: not part of the base resource types. */
const EXCLUDED = /-extensions-|-genetic-|^example/

const isCommon = (parameter: SearchParameter): boolean =>
  parameter.base?.some((base) => base === 'Resource' || base === 'DomainResource') === true

/** The branches of a union that start at this type, or at no type. No official branch has a bar inside. */
function branches(expression: string, type: string): string[] {
  return expression
    .split('|')
    .map((branch) => branch.trim())
    .filter((branch) => {
      const root = /^\(*([A-Za-z]+)/.exec(branch)?.[1] ?? ''
      return root === type || root === 'Resource' || !/^[A-Z]/.test(root)
    })
}

/** Types a branch's reference may point to: those of the parameter, of the element, and of `resolve() is`. */
function branchTargets(branch: string, parameter: SearchParameter, elements: Map<string, ElementDefinition>): string[] {
  const only = /resolve\(\) is (\w+)/.exec(branch)?.[1]
  if (only !== undefined) return [only]
  const path = branch.replace(/^\(|\)$| as \w+|\.where\(.*?\)|\[0\]/g, '')
  const element = elements.get(path) ?? elements.get(`${path}[x]`)
  const allowed = element?.type?.flatMap((ref) => ref.targetProfile ?? []).map(last) ?? []
  const declared = parameter.target ?? []
  return allowed.length === 0 || allowed.includes('Resource')
    ? declared
    : declared.filter((type) => allowed.includes(type))
}

/** The code system of a parameter over `code` elements: their codes are given without it. Empty for any other. */
function impliedSystem(parts: string[], elements: Map<string, ElementDefinition>, expander: Expander): string {
  const systems = parts.map((path) => {
    const element = elements.get(path)
    if (element?.type?.[0]?.code !== 'code' || element.binding?.strength !== 'required') return ''
    const list = expander.expand(element.binding.valueSet ?? '')?.split('|') ?? []
    return list.length === 1 ? (list[0]?.split(' ')[0] ?? '') : ''
  })
  return new Set(systems).size === 1 ? (systems[0] ?? '') : ''
}

interface Tables {
  elements: Map<string, ElementDefinition>
  /** Codes of search parameters by URL. */
  codes: Map<string, string>
  expander: Expander
}

/** A row: code, type, definition's tail, expression, place of the target list, implied system, `code=expression` parts. */
function parameterRow(parameter: SearchParameter, type: string, { elements, codes, expander }: Tables): string {
  const parts = parameter.expression === undefined ? [] : branches(parameter.expression, type)
  const references =
    parameter.type === 'reference' ? parts.flatMap((part) => branchTargets(part, parameter, elements)) : []
  const unique = [...new Set(references)].toSorted()
  const components = (parameter.component ?? []).map(({ definition, expression }) => {
    const code = codes.get(definition)
    if (code === undefined) throw new Error(`${parameter.id}: unknown component ${definition}`)
    return `${code}=${expression}`
  })
  const target = unique.length === 0 ? '' : String(targets.place(unique.join(' ')))
  // Those without an expression (_text, _content, _query, _filter) are answered by the server itself.
  const kind = parameter.expression === undefined ? 'special' : parameter.type
  const system = parameter.type === 'token' ? impliedSystem(parts, elements, expander) : ''
  return [parameter.code, kind, last(parameter.url), parts.join(' | '), target, system, ...components].join('\t')
}

function searchTables(
  parameters: SearchParameter[],
  definitions: StructureDefinition[],
  compartments: CompartmentDefinition[],
  expander: Expander,
): object {
  const official = parameters.filter(({ url, id }) => url.startsWith(PARAMETER_BASE) && !EXCLUDED.test(id))
  const codes = new Map(official.map(({ url, code }) => [url, code]))
  const byCode = official.toSorted((a, b) => (a.code < b.code ? -1 : 1))
  const none = new Map<string, ElementDefinition>()
  // The common parameters with a value come first, because a place in this order is a bit of `present`.
  const common = byCode.filter(isCommon).toSorted((a, b) => Number(!a.expression) - Number(!b.expression))
  const types: Record<string, string[]> = {}
  for (const { type, kind, abstract, url, snapshot } of definitions.toSorted((a, b) => (a.type < b.type ? -1 : 1))) {
    if (kind !== 'resource' || abstract || url !== BASE + type) continue
    const elements = new Map(snapshot.element.map((element) => [element.path, element]))
    types[type] = byCode
      .filter((parameter) => !isCommon(parameter) && parameter.base?.includes(type) === true)
      .map((parameter) => parameterRow(parameter, type, { elements, codes, expander }))
  }
  return {
    source: PACKAGE,
    common: common.map((parameter) => parameterRow(parameter, 'Resource', { elements: none, codes, expander })),
    types,
    compartments: Object.fromEntries(
      compartments
        .filter(({ id }) => id !== 'example')
        .map(({ code, resource }) => [
          code,
          Object.fromEntries(resource.filter(({ param }) => param).map((r) => [r.code, r.param?.join(' ')])),
        ]),
    ),
    excluded: parameters.filter(({ id }) => EXCLUDED.test(id)).map(({ id }) => id),
  }
}

/** One line per entry, so that a change of the package is readable as a diff. */
function text(table: object): string {
  const entry = ([key, value]: [string, unknown]): string => `${JSON.stringify(key)}: ${nested(value)}`
  const nested = (value: unknown): string => {
    if (Array.isArray(value)) return `[\n${value.map((item) => `  ${JSON.stringify(item)}`).join(',\n')}\n]`
    if (typeof value !== 'object' || value === null) return JSON.stringify(value)
    return `{\n${Object.entries(value)
      .map(([key, item]) => `  ${JSON.stringify(key)}: ${JSON.stringify(item)}`)
      .join(',\n')}\n}`
  }
  return `{\n${Object.entries(table).map(entry).join(',\n')}\n}\n`
}

const fetched = process.argv[2] === undefined ? fetchPackage() : null
const folder = fetched === null ? (process.argv[2] as string) : join(fetched, 'package')
try {
  const definitions = read<StructureDefinition>(folder, 'StructureDefinition')
  const expander = new Expander(read<CodeSystem>(folder, 'CodeSystem'), read<ValueSet>(folder, 'ValueSet'))
  const parameters = read<SearchParameter>(folder, 'SearchParameter')
  const compartments = read<CompartmentDefinition>(folder, 'CompartmentDefinition')
  // The search tables first: both tables share the target lists.
  const search = searchTables(parameters, definitions, compartments, expander)
  mkdirSync(OUT, { recursive: true })
  writeFileSync(join(OUT, 'search-parameters.json'), text(search))
  writeFileSync(join(OUT, 'structures.json'), text(structures(definitions, expander)))
} finally {
  if (fetched !== null) rmSync(fetched, { recursive: true, force: true })
}
