import type { CodingIn } from '../engine/check-state.ts'
import type { Inquiry } from '../engine/inquiry.ts'
import { canonicalOfResource, canonicalParts, type Json, objects, text } from '../engine/resources.ts'
import { invalid } from '../engine/settings.ts'
import { codingIn } from '../engine/validate-code.ts'
import type { ParametersIn } from './parameters-in.ts'

/** Matches told; a code that maps to more is not mapped usefully. */
const MATCHES_MAX = 1_000

interface Match {
  equivalence: string
  concept: Json
  source: string
  products: readonly Json[]
}

/** Equivalences that are no translation. */
const NO_MATCH = new Set(['unmatched', 'disjoint', 'not-related-to'])

/** http://hl7.org/fhir/R4/conceptmap-operation-translate.html */
export async function translate(
  inquiry: Inquiry,
  parameters: ParametersIn,
  resource: Json | undefined,
): Promise<object> {
  const codings = codingsIn(parameters)
  const maps = await mapsIn(inquiry, parameters, resource)
  const isReverse = parameters.text('reverse') === 'true'
  const target = { system: parameters.text('targetsystem') ?? parameters.text('targetSystem') }
  const matches: Match[] = []
  for (const map of maps)
    for (const coding of codings) {
      inquiry.spend(100)
      matches.push(...matchesIn(inquiry, map, coding, { isReverse, target: target.system }))
    }
  const found = matches.slice(0, MATCHES_MAX)
  const isFound = found.some(({ equivalence }) => !NO_MATCH.has(equivalence))
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'result', valueBoolean: isFound },
      ...(isFound ? [] : [{ name: 'message', valueString: 'There is no translation for this code.' }]),
      ...found.map(({ equivalence, concept, source, products }) => ({
        name: 'match',
        part: [
          { name: 'equivalence', valueCode: equivalence },
          { name: 'concept', valueCoding: concept },
          ...products.map((product) => ({
            name: 'product',
            part: [
              ...(text(product, 'property') === undefined
                ? []
                : [{ name: 'element', valueUri: text(product, 'property') }]),
              {
                name: 'concept',
                valueCoding: { system: text(product, 'system'), code: text(product, 'value') },
              },
            ],
          })),
          ...(source === '' ? [] : [{ name: 'source', valueUri: source }]),
        ],
      })),
    ],
  }
}

function codingsIn(parameters: ParametersIn): CodingIn[] {
  const concept = parameters.object('codeableConcept') ?? parameters.object('sourceCodeableConcept')
  if (concept) return objects(concept, 'coding').map(codingIn)
  const coding = parameters.object('coding') ?? parameters.object('sourceCoding')
  if (coding) return [codingIn(coding)]
  const code = parameters.text('code') ?? parameters.text('sourceCode')
  const system = parameters.text('system')
  if (code === undefined || system === undefined)
    throw invalid('There is no code to translate. Give code and system, coding or codeableConcept.')
  return [{ system, version: parameters.text('version'), code, display: undefined }]
}

/** The map named; without one all maps from the source value set to the target that are known. */
async function mapsIn(inquiry: Inquiry, parameters: ParametersIn, resource: Json | undefined): Promise<Json[]> {
  const given = resource ?? parameters.resources('conceptMap')[0]
  if (given) return [given]
  const url = parameters.text('url')
  if (url !== undefined) {
    const found = await inquiry.library.resource('ConceptMap', url, parameters.text('conceptMapVersion'))
    if (!found) throw invalid('There is no ConceptMap of that url. Create it, or hand it in as conceptMap.')
    return [found]
  }
  const source = parameters.text('source')
  const target = parameters.text('target')
  const all = await inquiry.library.all('ConceptMap')
  return all.filter((map) => speaksOf(map, 'source', source) && speaksOf(map, 'target', target))
}

function speaksOf(map: Json, side: 'source' | 'target', wanted: string | undefined): boolean {
  if (wanted === undefined) return true
  const stated = ['Canonical', 'Uri'].map((kind) => text(map, `${side}${kind}`)).find((one) => one !== undefined)
  return stated !== undefined && canonicalParts(stated).url === canonicalParts(wanted).url
}

function matchesIn(
  inquiry: Inquiry,
  map: Json,
  coding: CodingIn,
  { isReverse, target }: { isReverse: boolean; target: string | undefined },
): Match[] {
  const source = canonicalOfResource(map)
  const matches: Match[] = []
  for (const group of objects(map, 'group')) {
    const from = canonicalParts(text(group, isReverse ? 'target' : 'source') ?? '').url
    const to = canonicalParts(text(group, isReverse ? 'source' : 'target') ?? '').url
    if (from !== coding.system || (target !== undefined && target !== to)) continue
    const elements = objects(group, 'element')
    inquiry.spend(elements.length)
    const found = isReverse ? backwards(elements, coding, to) : forwards(elements, coding, to)
    matches.push(
      ...(found.length > 0 || isReverse ? found : unmapped(group, coding, to)).map((one) => ({ ...one, source })),
    )
  }
  return matches
}

type OwnMatch = Omit<Match, 'source'>

function forwards(elements: readonly Json[], coding: CodingIn, to: string): OwnMatch[] {
  const element = elements.find((one) => one.code === coding.code)
  return objects(element, 'target').map((target) => ({
    equivalence: text(target, 'equivalence') ?? text(target, 'relationship') ?? 'equivalent',
    concept: conceptOf(to, target),
    products: objects(target, 'product'),
  }))
}

/** What is wider one way is narrower the other: http://hl7.org/fhir/R4/valueset-concept-map-equivalence.html */
const OPPOSITE: Record<string, string | undefined> = {
  wider: 'narrower',
  narrower: 'wider',
  subsumes: 'specializes',
  specializes: 'subsumes',
}

function backwards(elements: readonly Json[], coding: CodingIn, to: string): OwnMatch[] {
  const found: OwnMatch[] = []
  for (const element of elements)
    for (const target of objects(element, 'target')) {
      if (target.code !== coding.code) continue
      const equivalence = text(target, 'equivalence') ?? 'equivalent'
      found.push({
        equivalence: OPPOSITE[equivalence] ?? equivalence,
        concept: conceptOf(to, element),
        products: [],
      })
    }
  return found
}

/** http://hl7.org/fhir/R4/conceptmap-definitions.html#ConceptMap.group.unmapped */
function unmapped(group: Json, coding: CodingIn, to: string): OwnMatch[] {
  const rule = typeof group.unmapped === 'object' && group.unmapped !== null ? (group.unmapped as Json) : undefined
  const mode = text(rule, 'mode')
  if (mode === 'fixed') return [{ equivalence: 'inexact', concept: conceptOf(to, rule as Json), products: [] }]
  if (mode !== 'provided') return []
  return [{ equivalence: 'equal', concept: { system: to, code: coding.code ?? '' }, products: [] }]
}

function conceptOf(system: string, from: Json): Json {
  const display = text(from, 'display')
  return {
    ...(system === '' ? {} : { system }),
    code: text(from, 'code') ?? '',
    ...(display === undefined ? {} : { display }),
  }
}
