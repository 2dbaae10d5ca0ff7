import { versionUnknown } from './load-faults.ts'
import { readCsv } from './read-csv.ts'
import type { Release, ReleaseItem } from './release.ts'
import type { ReleaseFile, ReleaseFiles } from './release-files.ts'

// LOINC release, https://loinc.org/kb/users-guide/loinc-database-structure/; in FHIR: https://hl7.org/fhir/R4/loinc.html

const URL = 'http://loinc.org'

/** Columns that become properties under their own name. */
const PROPERTIES = [
  'COMPONENT',
  'PROPERTY',
  'TIME_ASPCT',
  'SYSTEM',
  'SCALE_TYP',
  'METHOD_TYP',
  'CLASS',
  'STATUS',
  'CLASSTYPE',
  'ORDER_OBS',
  'EXAMPLE_UCUM_UNITS',
] as const
const TERM = [
  'LOINC_NUM',
  'LONG_COMMON_NAME',
  'SHORTNAME',
  'CONSUMER_NAME',
  'DefinitionDescription',
  'RELATEDNAMES2',
  ...PROPERTIES,
] as const

const table = (name: string): RegExp => new RegExp(`(^|/)${name}\\.csv$`, 'i')

/** A LOINC release: the table of terms, and parts, hierarchy and answer lists where they are in it. `version`: e.g. `2.77`. */
export async function loincRelease(files: ReleaseFiles, options: { version?: string } = {}): Promise<Release> {
  const terms = files.require(table('Loinc'), 'table of terms (Loinc.csv)')
  const parts = files.find(table('Part'))
  const hierarchy = files.find(table('ComponentHierarchyBySystem'))
  const answers = files.find(table('AnswerList'))
  const named = [files.name, terms.name].map((name) => /loinc_?v?(\d\.\d{1,3})/i.exec(name)?.[1])
  const version = options.version ?? named.find((found) => found !== undefined)
  return {
    head: {
      url: URL,
      version:
        version ??
        versionUnknown('The version of LOINC stands in the name of the downloaded file, which this one lacks'),
      name: 'LOINC',
      title: 'LOINC',
      language: 'en',
      isCaseSensitive: false,
      properties: PROPERTIES.map((code) => ({ code, type: 'string' as const })),
    },
    async *items() {
      yield* termItems(files, terms)
      if (parts !== undefined) yield* partItems(files, parts)
      if (hierarchy !== undefined) yield* hierarchyItems(files, hierarchy)
      if (answers !== undefined) yield* answerItems(files, answers)
    },
  }
}

async function* termItems(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<ReleaseItem[]> {
  for await (const records of readCsv(files, file, TERM)) {
    const items: ReleaseItem[] = []
    for (const record of records) {
      const code = record.LOINC_NUM
      const isInactive = record.STATUS === 'DEPRECATED'
      const display = record.LONG_COMMON_NAME || record.SHORTNAME
      const definition = record.DefinitionDescription
      items.push({ kind: 'concept', code, display, isInactive, ...(definition === '' ? {} : { definition }) })
      for (const name of ['SHORTNAME', 'CONSUMER_NAME', 'RELATEDNAMES2'] as const)
        if (record[name] !== '') items.push(nameItem(code, record[name], name))
      for (const property of PROPERTIES)
        if (record[property] !== '') items.push({ kind: 'property', code, property, value: record[property] })
    }
    yield items
  }
}

function nameItem(code: string, value: string, use: string): ReleaseItem {
  return { kind: 'designation', code, value, language: 'en', use: { system: URL, code: use, display: use } }
}

async function* partItems(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<ReleaseItem[]> {
  const columns = ['PartNumber', 'PartTypeName', 'PartName', 'PartDisplayName', 'Status'] as const
  for await (const records of readCsv(files, file, columns)) {
    yield records.flatMap(({ PartNumber: code, PartName, PartDisplayName, Status, PartTypeName }): ReleaseItem[] => [
      { kind: 'concept', code, display: PartDisplayName || PartName, isInactive: Status === 'DEPRECATED' },
      { kind: 'property', code, property: 'CLASS', value: PartTypeName },
    ])
  }
}

/** The multi-axial hierarchy; groups that are no parts of the release become concepts under their own text. */
async function* hierarchyItems(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<ReleaseItem[]> {
  const columns = ['IMMEDIATE_PARENT', 'CODE', 'CODE_TEXT'] as const
  for await (const records of readCsv(files, file, columns)) {
    yield records.flatMap(({ IMMEDIATE_PARENT: parent, CODE: code, CODE_TEXT: text }): ReleaseItem[] => [
      ...(code.startsWith('LP') ? [{ kind: 'concept' as const, code, display: text }] : []),
      ...(parent === '' ? [] : [{ kind: 'parent' as const, code, parent }]),
    ])
  }
}

async function* answerItems(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<ReleaseItem[]> {
  const columns = ['AnswerListId', 'AnswerListName', 'AnswerStringId', 'DisplayText'] as const
  for await (const records of readCsv(files, file, columns)) {
    yield records.flatMap(({ AnswerListId: set, AnswerStringId: code, DisplayText: display }): ReleaseItem[] =>
      // An answer without a number is a text, not a code.
      code === ''
        ? []
        : [
            { kind: 'concept', code, display },
            { kind: 'member', set, code },
          ],
    )
  }
}
