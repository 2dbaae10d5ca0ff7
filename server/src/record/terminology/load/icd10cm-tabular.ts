import type { XmlHandler } from './read-xml.ts'
import type { ReleaseItem } from './release.ts'

/** Where the parser is: a chapter, a section or a code. */
interface Node {
  code: string
  title: string
  parent: string | undefined
  isGroup: boolean
  isLeaf: boolean
  /** Characters that end each code below, where the seventh is told. */
  seventh: Map<string, string> | undefined
  names: string[]
  notes: [kind: string, text: string][]
}

/** Kinds of notes of the tabular list, which become properties. */
const NOTES = ['includes', 'excludes1', 'excludes2', 'useAdditionalCode', 'codeFirst', 'codeAlso', 'notes']
const NODES = new Set(['chapter', 'section', 'diag'])
const SEVENTH_AT = 7

/** Follows the tabular list of ICD-10-CM and gathers what it says of each code. */
export class TabularHandler implements XmlHandler {
  /** To be taken away while it is read. */
  readonly items: ReleaseItem[] = []
  version = ''
  codes = 0
  readonly #path: Node[] = []
  readonly #elements: string[] = []
  #extension = ''

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    this.#elements.push(name)
    if (name === 'extension') this.#extension = attributes['char'] ?? ''
    if (name === 'sevenChrDef' && this.#node !== undefined) this.#node.seventh = new Map()
    if (!NODES.has(name)) return
    const above = this.#node
    if (above !== undefined) above.isLeaf = false
    this.#path.push({
      code: name === 'section' ? (attributes['id'] ?? '') : '',
      title: '',
      parent: above?.code,
      isGroup: name !== 'diag',
      isLeaf: true,
      seventh: undefined,
      names: [],
      notes: [],
    })
  }

  close(name: string, text: string): void {
    this.#elements.pop()
    const above = this.#elements.at(-1) ?? ''
    const node = this.#node
    if (NODES.has(name)) {
      this.#end()
    } else if (node === undefined) {
      if (name === 'version') this.version = text
    } else if (name === 'name' && NODES.has(above)) {
      node.code = text
    } else if (name === 'desc' && NODES.has(above)) node.title = text
    else if (name === 'extension') node.seventh?.set(this.#extension, text)
    else if (name === 'note' && above === 'inclusionTerm') node.names.push(text)
    else if (name === 'note' && NOTES.includes(above)) node.notes.push([above, text])
  }

  get #node(): Node | undefined {
    return this.#path.at(-1)
  }

  #end(): void {
    const node = this.#path.at(-1) as Node
    const seventh = this.#path.findLast((each) => each.seventh !== undefined)?.seventh
    this.#path.pop()
    if (node.code === '') return
    const endings = node.isLeaf && !node.isGroup ? seventh : undefined
    this.#tell(node, endings === undefined && node.isLeaf && !node.isGroup)
    for (const [character, title] of endings ?? []) this.#tellEnding(node, character, title)
  }

  #tell(node: Node, isBillable: boolean): void {
    const { code, title, parent, isGroup } = node
    this.codes++
    this.items.push({ kind: 'concept', code, display: title, ...(isGroup ? { isAbstract: true } : {}) })
    if (parent !== undefined) this.items.push({ kind: 'parent', code, parent })
    if (!isGroup) this.items.push({ kind: 'property', code, property: 'billable', value: String(isBillable) })
    for (const value of node.names) this.items.push({ kind: 'designation', code, value, language: 'en' })
    for (const [property, value] of node.notes) this.items.push({ kind: 'property', code, property, value })
  }

  /** `S52.5` and seventh `A` make `S52.5XXA`: what is missing between is filled with X. */
  #tellEnding(node: Node, character: string, title: string): void {
    // The dot counts, so the seventh character is the eighth of the text.
    const body = node.code.includes('.') ? node.code : `${node.code}.`
    const code = `${body.padEnd(SEVENTH_AT, 'X')}${character}`
    this.codes++
    this.items.push({ kind: 'concept', code, display: `${node.title}, ${title}` })
    this.items.push({ kind: 'parent', code, parent: node.code })
    this.items.push({ kind: 'property', code, property: 'billable', value: 'true' })
  }
}
