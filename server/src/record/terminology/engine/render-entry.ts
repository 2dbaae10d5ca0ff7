import { designation as readDesignation } from '../systems/memory-system.ts'
import type { Entry } from './collect.ts'
import type { CodeSystemProvider, Concept } from './concept.ts'
import { type Designation, Displays } from './displays.ts'
import { type Json, objects, STANDARDS_STATUS, text, valueOf } from './resources.ts'
import type { Settings } from './settings.ts'

export interface Rendering {
  settings: Settings
  properties: PropertyUse
  /** Each code names the version of its system. */
  isVersioned: boolean
}

/** One `ValueSet.expansion.contains` without what lies below it. */
export function contains({ provider, version, concept, listed }: Entry, rendering: Rendering): Json {
  const { settings, properties, isVersioned } = rendering
  const displays = new Displays()
  const listedDisplay = text(listed, 'display')
  if (listedDisplay !== undefined)
    displays.add([{ language: undefined, use: undefined, value: listedDisplay, isDisplay: true }])
  displays.add(concept.designations)
  displays.add(objects(listed, 'designation').map(readDesignation))
  const shown =
    listedDisplay !== undefined && !settings.languages ? displays.all[0] : displays.preferred(settings.languages)
  const others =
    settings.is('includeDesignations') || settings.designations.length > 0 ? rest(displays, shown, settings) : []
  const values = properties.of(provider, concept, listed)
  const extension = [
    ...objects(listed, 'extension').filter(({ url }) => KEPT.has(String(url)) || url === STANDARDS_STATUS),
    ...concept.extensions.filter(({ url }) => KEPT.has(String(url))),
  ]
  const all = [...extension, ...values]
  return {
    ...(all.length === 0 ? {} : { extension: all }),
    system: provider.head.url,
    ...(concept.isAbstract ? { abstract: true } : {}),
    ...(concept.isInactive ? { inactive: true } : {}),
    ...(isVersioned && version !== undefined ? { version } : {}),
    code: concept.code,
    ...(shown === undefined || shown.value === '' ? {} : { display: shown.value }),
    ...(others.length === 0 ? {} : { designation: others }),
  }
}

/** Extensions that say how a concept is to be shown. */
const KEPT = new Set([
  'http://hl7.org/fhir/StructureDefinition/rendering-style',
  'http://hl7.org/fhir/StructureDefinition/rendering-xhtml',
  'http://hl7.org/fhir/StructureDefinition/valueset-deprecated',
  'http://hl7.org/fhir/StructureDefinition/codesystem-alternate',
  'http://hl7.org/fhir/StructureDefinition/valueset-concept-definition',
])

const DESIGNATION_KEPT = new Set([
  'http://hl7.org/fhir/StructureDefinition/coding-sctdescid',
  'http://hl7.org/fhir/StructureDefinition/rendering-style',
  'http://hl7.org/fhir/StructureDefinition/rendering-xhtml',
  'http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status',
])

/** Names besides the one shown, in the languages and for the uses asked for. */
function rest(displays: Displays, shown: Designation | undefined, settings: Settings): Json[] {
  return displays.all
    .filter((one) => one !== shown && one.value !== '' && isWanted(one, settings))
    .map(({ language, use, value, extension, isDisplay }) => {
      const kept = (extension ?? []).filter(({ url }) => DESIGNATION_KEPT.has(String(url)))
      return {
        ...(kept.length === 0 ? {} : { extension: kept }),
        ...(language === undefined ? {} : { language }),
        ...(use === undefined ? (isDisplay ? { use: PREFERRED } : {}) : { use }),
        value,
      }
    })
}

const PREFERRED: Json = {
  system: 'http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra',
  code: 'preferredForLanguage',
  display: 'Preferred For Language',
}

const LANGUAGE_SYSTEM = 'urn:ietf:bcp:47'

/** `designation`: `system|code` of a use, or `urn:ietf:bcp:47|de`. */
function isWanted({ language, use }: Designation, { designations }: Settings): boolean {
  if (designations.length === 0) return true
  return designations.some((wanted) => {
    const [system, code] = wanted.split('|')
    if (system === LANGUAGE_SYSTEM) return language === code
    return use !== undefined && use.system === system && use.code === code
  })
}

const R5 = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion'

/** Extensions of a concept that are told as properties, with the code and URI of R5. */
const AS_PROPERTY: Record<string, { code: string; uri: string } | undefined> = {
  'http://hl7.org/fhir/StructureDefinition/codesystem-conceptOrder': { code: 'order', uri: 'order' },
  'http://hl7.org/fhir/StructureDefinition/valueset-conceptOrder': { code: 'order', uri: 'order' },
  'http://hl7.org/fhir/StructureDefinition/codesystem-label': { code: 'label', uri: 'label' },
  'http://hl7.org/fhir/StructureDefinition/valueset-label': { code: 'label', uri: 'label' },
  'http://hl7.org/fhir/StructureDefinition/itemWeight': { code: 'weight', uri: 'itemWeight' },
}

const WELL_KNOWN = 'http://hl7.org/fhir/concept-properties#'

/** Properties of concepts in an expansion: R5 has elements for them, R4 the extensions of the same meaning. */
export class PropertyUse {
  readonly #settings: Settings
  readonly #used = new Map<string, string | undefined>()

  constructor(settings: Settings) {
    this.#settings = settings
  }

  of(provider: CodeSystemProvider, concept: Concept, listed: Json | undefined): Json[] {
    const found: Json[] = []
    const add = (code: string, uri: string | undefined, [name, value]: readonly [string, unknown]): void => {
      this.#used.set(code, uri)
      found.push({
        url: `${R5}.contains.property`,
        extension: [
          { url: 'code', valueCode: code },
          { url: 'value', [name]: value },
        ],
      })
    }
    for (const property of this.#settings.properties) {
      const uri = provider.head.properties.find(({ code }) => code === property)?.uri
      for (const one of concept.properties) if (one.code === property) add(property, uri, [one.name, one.value])
      if (property === 'definition' && concept.definition !== undefined)
        add('definition', `${WELL_KNOWN}definition`, ['valueString', concept.definition])
    }
    const told = new Set<string>()
    for (const extension of [...objects(listed, 'extension'), ...concept.extensions.toReversed()]) {
      const known = AS_PROPERTY[String(extension.url)]
      const value = valueOf(extension)
      if (!known || !value || told.has(known.code)) continue
      told.add(known.code)
      add(known.code, `${WELL_KNOWN}${known.uri}`, [value[0] === 'valueInteger' ? 'valueDecimal' : value[0], value[1]])
    }
    const { status } = concept
    if (status !== undefined && status !== 'active' && !this.#settings.properties.includes('status'))
      add('status', `${WELL_KNOWN}status`, ['valueCode', status])
    return found
  }

  /** `expansion.property` */
  extensions(): Json[] {
    return [...this.#used].map(([code, uri]) => ({
      url: `${R5}.property`,
      extension: [{ url: 'code', valueCode: code }, ...(uri === undefined ? [] : [{ url: 'uri', valueUri: uri }])],
    }))
  }
}
