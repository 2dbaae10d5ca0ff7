import { isResourceType, PRIMITIVE_CHECKS } from '@salus/fhir-model'
import { type FieldNode, Kind, type SelectionSetNode } from 'graphql'
import { type Clock, eventLoopTurns, raise } from '#kernel'
import type { Resource } from '../../store/write-request.ts'
import { untagged } from '../../store/written-numbers.ts'
import { elementOf } from '../element-of.ts'
import { localOf } from '../referred-rows.ts'
import { AnswerBudget, objectSink, put, type Sink } from './answer-sink.ts'
import { GRAPHQL_FAULTS, GRAPHQL_LIMITS } from './graphql-faults.ts'
import { PathExpressions } from './path-expressions.ts'
import { type Content, filtered, sliceName } from './query-filters.ts'
import { type Found, type QueryResources, searchField } from './query-resources.ts'
import { argumentsOf, argumentText, type Marks, marksOf, type Query } from './read-query.ts'

type Json = Record<string, unknown>

interface RunOptions {
  query: Query
  resources: QueryResources
  fhirBase: string
  clock: Clock
}

/** An object whose fields are selected. Undefined `json`: nothing is there, the selections are only looked at. */
interface Place {
  type: string
  json: Json | undefined
  /** The resource it stands in. */
  resource: Resource | undefined
  depth: number
}

/**
 * Runs one query on what is stored: http://hl7.org/fhir/R4/graphql.html. Elements that have no value are left out of the answer. Each
 * selection is looked at, also where there is nothing to select from, so that a mistake does not depend on the data.
 */
export class QueryRun {
  readonly #options: RunOptions
  readonly #budget = new AnswerBudget()
  readonly #paths: PathExpressions
  readonly #turn: () => Promise<void> | undefined

  constructor(options: RunOptions) {
    this.#options = options
    this.#paths = new PathExpressions(options.clock.now())
    this.#turn = eventLoopTurns(options.clock)
  }

  /** The answer about one resource. */
  async ofResource(resource: Resource): Promise<Json> {
    const sink = objectSink()
    await this.#select(sink, placeOf(resource, 0), this.#options.query.selections)
    return sink.target
  }

  /** The answer of the whole record: `Patient(id: ...)`, `PatientList(...)`, `PatientConnection(...)`. */
  async ofSystem(): Promise<Json> {
    const sink = objectSink()
    for (const { field, marks } of this.#fieldsOf(this.#options.query.selections, undefined, 0)) {
      const name = field.name.value
      const search = searchField(name)
      if (search) await this.#search(sink, field, { ...search, marks, depth: 0 })
      else if (isResourceType(name)) await this.#readOne(sink, field, marks)
      else raise(GRAPHQL_FAULTS.field)
    }
    return sink.target
  }

  async #readOne(sink: Sink, field: FieldNode, marks: Marks): Promise<void> {
    const type = field.name.value
    const given = this.#given(field)
    const id = given.get('id') ?? given.get('_id')
    if (given.size !== 1 || typeof id !== 'string') return raise(GRAPHQL_FAULTS.argument)
    this.#options.resources.requireRead(type)
    const resource = await this.#options.resources.read(type, id)
    if (!resource) return raise(GRAPHQL_FAULTS.reference)
    const own = objectSink()
    await this.#select(own, placeOf(resource, 1), selectionOf(field))
    put(sink, responseOf(field), [own.target], { list: false, marks })
  }

  async #select(sink: Sink, place: Place, selections: SelectionSetNode): Promise<void> {
    if (place.depth > GRAPHQL_LIMITS.depthMax) raise(GRAPHQL_FAULTS.costly)
    for (const { field, marks } of this.#fieldsOf(selections, place.type, place.depth)) {
      this.#budget.spend()
      await this.#turn()
      await this.#field(sink, place, field, marks)
    }
  }

  async #field(sink: Sink, place: Place, field: FieldNode, marks: Marks): Promise<void> {
    const name = field.name.value
    const { type, json } = place
    if (name === '__typename' || (name === 'resourceType' && isResourceType(type)))
      return put(sink, responseOf(field), json ? [type] : [], { list: false, marks })
    if (name === 'resource' && type === 'Reference') return this.#followed(sink, place, field, marks)
    const search = isResourceType(type) ? searchField(name) : undefined
    if (search && !elementOf(type, name)) return this.#reverse(sink, place, field, { ...search, marks })
    const found = childOf(type, name)
    if (!found) return raise(GRAPHQL_FAULTS.field)
    const contents = await filtered(contentsOf(json, name), found.type, this.#given(field), {
      resource: place.resource,
      paths: this.#paths,
      turn: this.#turn,
    })
    await this.#contents(sink, place, field, {
      ...found,
      marks,
      contents: marks.first ? contents.slice(0, 1) : contents,
    })
  }

  async #contents(
    sink: Sink,
    place: Place,
    field: FieldNode,
    found: { type: string; list: boolean; marks: Marks; contents: readonly Content[] },
  ): Promise<void> {
    const { type, list, marks, contents } = found
    const response = responseOf(field)
    if (isPrimitive(type)) {
      if (field.selectionSet) raise(GRAPHQL_FAULTS.selection)
      const values = contents.flatMap(({ value, extra }) => (value === undefined ? [] : [written(value, extra)]))
      this.#budget.spend(values.length)
      return put(sink, response, values, { list, marks })
    }
    const selections = selectionOf(field)
    const depth = place.depth + 1
    if (contents.length === 0 && type !== 'Resource')
      await this.#select(objectSink(), { type, json: undefined, resource: undefined, depth }, selections)
    const objects: Json[] = []
    for (const [index, { value }] of contents.entries()) {
      await this.#turn()
      const child = childPlace(place, type, value as Json)
      const into = marks.flatten ? this.#flattened(sink, child, marks, index) : objectSink()
      await this.#select(into, child, selections)
      if (!marks.flatten) objects.push(into.target)
    }
    put(sink, response, objects, { list, marks })
  }

  #flattened(sink: Sink, child: Place, { slice }: Marks, index: number): Sink {
    const context = { resource: child.resource, paths: this.#paths }
    const name = slice === undefined ? '' : sliceName(slice, child.type, { value: child.json, index }, context)
    return { target: sink.target, collects: true, suffix: name === '' ? sink.suffix : `${sink.suffix}.${name}` }
  }

  /** The resource that a reference leads to, one contained in the same resource too. */
  async #followed(sink: Sink, place: Place, field: FieldNode, marks: Marks): Promise<void> {
    const given = this.#given(field)
    const [wanted, optional] = [given.get('type'), given.get('optional') ?? false]
    if ([...given.keys()].some((name) => name !== 'type' && name !== 'optional')) raise(GRAPHQL_FAULTS.argument)
    if (typeof optional !== 'boolean' || (wanted !== undefined && !isResourceType(argumentText(wanted))))
      raise(GRAPHQL_FAULTS.argument)
    const selections = selectionOf(field)
    const literal = place.json?.reference
    // A logical reference, by identifier or display alone, leads nowhere and is not broken.
    if (typeof literal !== 'string') return
    const target = await this.#target(place, literal)
    if (!target && optional === false) raise(GRAPHQL_FAULTS.reference)
    if (!target || (wanted !== undefined && target.resourceType !== wanted)) return
    const into = marks.flatten ? { ...sink, collects: true } : objectSink()
    const within = literal.startsWith('#') ? place.resource : target
    await this.#select(into, { ...placeOf(target, place.depth + 1), resource: within }, selections)
    if (!marks.flatten) put(sink, responseOf(field), [into.target], { list: false, marks })
  }

  async #target(place: Place, literal: string): Promise<Resource | undefined> {
    if (literal.startsWith('#')) {
      const contained = place.resource?.contained
      const list = Array.isArray(contained) ? (contained as Resource[]) : []
      return literal === '#' ? place.resource : list.find(({ id }) => `#${id}` === literal)
    }
    const local = localOf(literal, this.#options.fhirBase)
    return local && this.#options.resources.read(local.type, local.id)
  }

  /** What refers to this resource: `ConditionList(_reference: patient)`. */
  async #reverse(
    sink: Sink,
    place: Place,
    field: FieldNode,
    search: { type: string; kind: 'List' | 'Connection'; marks: Marks },
  ): Promise<void> {
    const { _reference: parameter, ...rest } = Object.fromEntries(this.#given(field))
    if (typeof parameter !== 'string') raise(GRAPHQL_FAULTS.argument)
    if (!place.json) return
    const given = new Map(Object.entries(rest))
    // A page link carries the parameter that was asked for.
    if (!given.has('_cursor')) given.set(parameter, `${place.type}/${String(place.json.id)}`)
    await this.#search(sink, field, { ...search, depth: place.depth }, given)
  }

  async #search(
    sink: Sink,
    field: FieldNode,
    search: { type: string; kind: 'List' | 'Connection'; marks: Marks; depth: number },
    given = this.#given(field),
  ): Promise<void> {
    const { type, kind, marks, depth } = search
    const selections = selectionOf(field)
    const isConnection = kind === 'Connection'
    const wantsCount =
      isConnection && this.#fieldsOf(selections, undefined, depth).some((one) => one.field.name.value === 'count')
    const isPage = given.has('_cursor')
    const found = await this.#options.resources.search(type, given, { count: wantsCount && !isPage })
    if (found.resources.length === 0)
      await this.#select(
        objectSink(),
        { type, json: undefined, resource: undefined, depth: depth + 1 },
        isConnection ? NOTHING : selections,
      )
    if (isConnection) {
      const page = await this.#connection(selections, found, { depth: depth + 1, isPage })
      return put(sink, responseOf(field), [page], { list: false, marks })
    }
    const objects: Json[] = []
    for (const resource of marks.first ? found.resources.slice(0, 1) : found.resources) {
      const into = marks.flatten ? { ...sink, collects: true } : objectSink()
      await this.#select(into, placeOf(resource, depth + 1), selections)
      if (!marks.flatten) objects.push(into.target)
    }
    if (!marks.flatten && objects.length === 0 && !sink.collects) sink.target[responseOf(field)] = []
    put(sink, responseOf(field), objects, { list: true, marks })
  }

  /** http://hl7.org/fhir/R4/graphql.html#paging. Pages are reached by cursor, so only the first knows its offset. */
  async #connection(
    selections: SelectionSetNode,
    found: Found,
    page: { depth: number; isPage: boolean },
  ): Promise<Json> {
    const sink = objectSink()
    const facts: Record<string, unknown> = {
      count: found.total,
      offset: page.isPage ? undefined : 0,
      pagesize: found.pageSize,
      first: undefined,
      previous: found.previous,
      next: found.next,
      last: undefined,
    }
    for (const { field, marks } of this.#fieldsOf(selections, undefined, page.depth)) {
      const name = field.name.value
      if (name === 'edges') {
        const edges: Json[] = []
        for (const resource of found.resources) edges.push(await this.#edge(resource, selectionOf(field), page.depth))
        put(sink, responseOf(field), edges, { list: true, marks })
      } else if (!Object.hasOwn(facts, name) || field.selectionSet) raise(GRAPHQL_FAULTS.field)
      else if (facts[name] !== undefined) put(sink, responseOf(field), [facts[name]], { list: false, marks })
    }
    return sink.target
  }

  async #edge(resource: Resource, selections: SelectionSetNode, depth: number): Promise<Json> {
    const sink = objectSink()
    for (const { field, marks } of this.#fieldsOf(selections, undefined, depth)) {
      const name = field.name.value
      if (name === 'mode') put(sink, responseOf(field), ['match'], { list: false, marks })
      else if (name === 'resource') {
        const into = objectSink()
        await this.#select(into, placeOf(resource, depth + 1), selectionOf(field))
        put(sink, responseOf(field), [into.target], { list: false, marks })
      } else if (name !== 'score') raise(GRAPHQL_FAULTS.field)
    }
    return sink.target
  }

  /** The fields of a selection, those of its fragments in their place. `type`: fragments on another one are left out. */
  #fieldsOf(
    selections: SelectionSetNode,
    type: string | undefined,
    depth: number,
  ): { field: FieldNode; marks: Marks }[] {
    if (depth > GRAPHQL_LIMITS.depthMax) raise(GRAPHQL_FAULTS.costly)
    const { fragments, variables } = this.#options.query
    return selections.selections.flatMap((one) => {
      this.#budget.spend()
      const marks = marksOf(one.directives, variables)
      if (!marks) return []
      if (one.kind === Kind.FIELD) return [{ field: one, marks }]
      const fragment =
        one.kind === Kind.INLINE_FRAGMENT ? one : (fragments.get(one.name.value) ?? raise(GRAPHQL_FAULTS.fragment))
      const condition = fragment.typeCondition?.name.value
      if (condition !== undefined && type !== undefined && !applies(condition, type)) return []
      return this.#fieldsOf(fragment.selectionSet, type, depth + 1)
    })
  }

  #given(field: FieldNode): Map<string, unknown> {
    return argumentsOf(field.arguments, this.#options.query.variables)
  }
}

const NOTHING: SelectionSetNode = { kind: Kind.SELECTION_SET, selections: [] }

function placeOf(resource: Resource, depth: number): Place {
  return { type: resource.resourceType, json: resource, resource, depth }
}

/** A contained resource, and one in a Bundle, has a type of its own. */
function childPlace(place: Place, type: string, json: Json): Place {
  const own = type === 'Resource' && typeof json.resourceType === 'string' ? json.resourceType : type
  return { type: own, json, resource: place.resource, depth: place.depth + 1 }
}

function applies(condition: string, type: string): boolean {
  return condition === type || (isResourceType(type) && (condition === 'Resource' || condition === 'DomainResource'))
}

/** The element, or with an underscore before it the extensions of a primitive one. */
function childOf(type: string, name: string): { type: string; list: boolean } | undefined {
  if (!name.startsWith('_')) return elementOf(type, name)
  const found = elementOf(type, name.slice(1))
  return found && isPrimitive(found.type) ? { type: 'Element', list: found.list } : undefined
}

function isPrimitive(type: string): boolean {
  return Object.hasOwn(PRIMITIVE_CHECKS, type) || type === 'xhtml'
}

function contentsOf(json: Json | undefined, name: string): Content[] {
  if (!json) return []
  const own = (key: string): unknown => (Object.hasOwn(json, key) ? json[key] : undefined)
  const [values, extras] = [own(name), name.startsWith('_') ? undefined : own(`_${name}`)]
  if (!Array.isArray(values)) return values === undefined || values === null ? [] : [{ value: values, extra: extras }]
  const siblings = Array.isArray(extras) ? (extras as unknown[]) : []
  return (values as unknown[]).flatMap((value, index) => (value === null ? [] : [{ value, extra: siblings[index] }]))
}

/** A number in its written form. */
function written(value: unknown, extra: unknown): unknown {
  return typeof value === 'number' ? (untagged({ value, _value: extra }, true) as Json).value : value
}

function selectionOf(field: FieldNode): SelectionSetNode {
  return field.selectionSet ?? raise(GRAPHQL_FAULTS.selection)
}

/** Names with two underscores belong to GraphQL itself. */
function responseOf({ alias, name }: FieldNode): string {
  const response = alias?.value ?? name.value
  return response.startsWith('__') && response !== '__typename' ? raise(GRAPHQL_FAULTS.field) : response
}
