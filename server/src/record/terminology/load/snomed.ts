import { IdSet } from './id-set.ts'
import { shown, versionUnknown, wrongLayout } from './load-faults.ts'
import { readTable, type TableLayout } from './read-table.ts'
import type { Release, ReleaseItem } from './release.ts'
import type { ReleaseFile, ReleaseFiles } from './release-files.ts'

// SNOMED CT Release Format 2, https://confluence.ihtsdotools.org/display/DOCRELFMT (4.2 component files, 5.2 reference sets).

const URL = 'http://snomed.info/sct'
const IS_A = '116680003'
const FULLY_SPECIFIED_NAME = '900000000000003001'
const SYNONYM = '900000000000013009'
const PREFERRED = '900000000000548007'
const PRIMITIVE = '900000000000074008'
const US_ENGLISH = '900000000000509007'
const GB_ENGLISH = '900000000000508004'

const USES: Record<string, string> = {
  [FULLY_SPECIFIED_NAME]: 'Fully specified name',
  [SYNONYM]: 'Synonym',
  '900000000000550004': 'Definition',
}

/** Modules of editions by the namespace in their files' names; others are named with `edition`. */
const EDITIONS: Record<string, string> = {
  INT: '900000000000207008',
  US1000124: '731000124108',
  AU1000036: '32506021000036107',
  CA1000087: '20611000087101',
  NL1000146: '11000146104',
  SE1000052: '45991000052106',
  DK1000005: '554471000005108',
}

const COMPONENT = ['id', 'effectiveTime', 'active', 'moduleId']
const table = (...columns: string[]): TableLayout => ({
  separator: '\t',
  hasHeader: true,
  columns: [...COMPONENT, ...columns],
})
const CONCEPT = table('definitionStatusId')
const DESCRIPTION = table('conceptId', 'languageCode', 'typeId', 'term', 'caseSignificanceId')
const RELATIONSHIP = table(
  'sourceId',
  'destinationId',
  'relationshipGroup',
  'typeId',
  'characteristicTypeId',
  'modifierId',
)
const LANGUAGE = table('refsetId', 'referencedComponentId', 'acceptabilityId')
const SIMPLE = table('refsetId', 'referencedComponentId')

const CONCEPT_FILE = /(^|\/)x?sct2_Concept_Snapshot_([A-Z]*\d*)_(\d{8})\.txt$/i

/** How SNOMED CT is read. */
export interface SnomedOptions {
  /** Version of the release, `20240301` or the whole URI; default: as its files are named. */
  version?: string
  /** Module of the edition; default: by the namespace in its files' names. */
  edition?: string
  /** Language reference set that chooses the displays; default: US English, then Great Britain's. */
  languageSet?: string
}

/**
 * A SNOMED CT release, from the snapshot files of RF2. Inactive concepts are kept as inactive; inactive names, relationships and
 * members are not. The display is the synonym that the language reference set prefers.
 */
export async function snomedRelease(files: ReleaseFiles, options: SnomedOptions = {}): Promise<Release> {
  const concepts = files.require(CONCEPT_FILE, 'snapshot of concepts (sct2_Concept_Snapshot_..._.txt)')
  const descriptions = all(files, /(^|\/)x?sct2_Description_Snapshot[^/]*\.txt$/i, 'snapshot of descriptions')
  const relationships = all(files, /(^|\/)x?sct2_Relationship_Snapshot[^/]*\.txt$/i, 'snapshot of relationships')
  const languages = files.files.filter(({ name }) => /(^|\/)x?der2_cRefset_Language(Snapshot)[^/]*\.txt$/i.test(name))
  const sets = files.files.filter(({ name }) => /(^|\/)x?der2_Refset_Simple[^/]*Snapshot[^/]*\.txt$/i.test(name))
  return {
    head: {
      url: URL,
      version: versionOf(concepts, options),
      name: 'SNOMED_CT',
      title: 'SNOMED CT',
      language: 'en',
      isCaseSensitive: true,
      properties: [
        { code: 'moduleId', type: 'code', description: 'The module the concept is maintained in' },
        { code: 'sufficientlyDefined', type: 'boolean', description: 'The relationships define the concept fully' },
        { code: 'effectiveTime', type: 'string', description: 'Date of the last change, YYYYMMDD' },
      ],
    },
    async *items() {
      const preferred = await preferredNames(files, languages, options.languageSet)
      yield* conceptItems(files, concepts)
      for (const file of descriptions) yield* nameItems(files, file, preferred)
      for (const file of relationships) yield* relationshipItems(files, file)
      for (const file of sets) yield* memberItems(files, file)
    },
  }
}

function all(files: ReleaseFiles, pattern: RegExp, what: string): ReleaseFile[] {
  files.require(pattern, what)
  return files.files.filter(({ name }) => pattern.test(name))
}

/** http://snomed.info/sct/[module]/version/[date], which is how versions of SNOMED CT are named in FHIR. */
function versionOf(concepts: ReleaseFile, { version, edition }: SnomedOptions): string {
  if (version?.startsWith(`${URL}/`)) return version
  const [, , namespace = '', date = ''] = CONCEPT_FILE.exec(concepts.name) ?? []
  const module = edition ?? EDITIONS[namespace.toUpperCase()]
  if (module === undefined)
    return versionUnknown(
      `The edition of namespace ${shown(namespace)} is not known; its version is a URI with its module`,
    )
  if (version !== undefined && !/^\d{8}$/.test(version))
    return versionUnknown('A version of SNOMED CT is a date like 20240301 or a URI')
  return `${URL}/${module}/version/${version ?? date}`
}

/** Numbers of the names that a language reference set prefers, best set first: 8 bytes each, 10 MB for both English ones. */
async function preferredNames(
  files: ReleaseFiles,
  languages: readonly ReleaseFile[],
  wanted: string | undefined,
): Promise<IdSet[]> {
  const order = wanted === undefined ? [US_ENGLISH, GB_ENGLISH] : [wanted, US_ENGLISH]
  const sets = new Map(order.map((id) => [id, new IdSet()]))
  for (const file of languages) {
    for await (const rows of readTable(files, file, LANGUAGE))
      for (const [, , active, , refset, component, acceptability] of rows)
        if (active === '1' && acceptability === PREFERRED) sets.get(refset as string)?.add(numeric(component, file))
  }
  return order.map((id) => sets.get(id) as IdSet)
}

async function* conceptItems(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<ReleaseItem[]> {
  for await (const rows of readTable(files, file, CONCEPT)) {
    const items: ReleaseItem[] = []
    for (const [id, effectiveTime = '', active, moduleId = '', definitionStatus] of rows) {
      const code = numeric(id, file)
      items.push(active === '1' ? { kind: 'concept', code } : { kind: 'concept', code, isInactive: true })
      const sufficientlyDefined = String(definitionStatus !== PRIMITIVE)
      for (const [property, value] of Object.entries({ moduleId, sufficientlyDefined, effectiveTime }))
        items.push({ kind: 'property', code, property, value })
    }
    yield items
  }
}

async function* nameItems(
  files: ReleaseFiles,
  file: ReleaseFile,
  preferred: readonly IdSet[],
): AsyncGenerator<ReleaseItem[]> {
  for await (const rows of readTable(files, file, DESCRIPTION)) {
    const items: ReleaseItem[] = []
    for (const [id = '', , active, , concept, language = '', type = '', value = ''] of rows) {
      if (active !== '1') continue
      const use = { system: URL, code: type, display: USES[type] ?? type }
      const displayRank = rankOf(numeric(id, file), type, preferred)
      items.push({ kind: 'designation', code: numeric(concept, file), value, language, use, displayRank })
    }
    yield items
  }
}

/** A preferred synonym is the display; without one the fully specified name is, and any synonym before no display at all. */
function rankOf(id: string, type: string, preferred: readonly IdSet[]): number {
  const place = type === SYNONYM ? preferred.findIndex((set) => set.has(id)) : -1
  if (place >= 0) return place
  return preferred.length + (type === FULLY_SPECIFIED_NAME ? 0 : 1)
}

async function* relationshipItems(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<ReleaseItem[]> {
  for await (const rows of readTable(files, file, RELATIONSHIP)) {
    const items: ReleaseItem[] = []
    for (const [, , active, , source, destination, , type] of rows) {
      if (active !== '1') continue
      const code = numeric(source, file)
      const value = numeric(destination, file)
      if (type === IS_A) items.push({ kind: 'parent', code, parent: value })
      else items.push({ kind: 'property', code, property: numeric(type, file), value, isCode: true })
    }
    yield items
  }
}

async function* memberItems(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<ReleaseItem[]> {
  for await (const rows of readTable(files, file, SIMPLE)) {
    const items: ReleaseItem[] = []
    for (const [, , active, , refset, component] of rows)
      if (active === '1') items.push({ kind: 'member', set: numeric(refset, file), code: numeric(component, file) })
    yield items
  }
}

/** Identifiers of SNOMED CT have 6 to 18 digits. */
function numeric(value: string | undefined, file: ReleaseFile): string {
  if (value === undefined || !/^[1-9]\d{5,17}$/.test(value))
    wrongLayout(`${shown(file.name)} has an identifier that is not a number of 6 to 18 digits`)
  return value
}
