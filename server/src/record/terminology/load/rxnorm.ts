import { versionUnknown } from './load-faults.ts'
import { readTable, type TableLayout } from './read-table.ts'
import type { Release, ReleaseItem } from './release.ts'
import type { ReleaseFile, ReleaseFiles } from './release-files.ts'

// RxNorm in Rich Release Format, https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html (12.4 to 12.7);
// in FHIR: https://hl7.org/fhir/R4/rxnorm.html

const URL = 'http://www.nlm.nih.gov/research/umls/rxnorm'
const SOURCE = 'RXNORM'

const table = (columns: string): TableLayout => ({
  separator: '|',
  hasHeader: false,
  hasTrailingSeparator: true,
  columns: columns.split(' '),
})
const CONSO = table('RXCUI LAT TS LUI STT SUI ISPREF RXAUI SAUI SCUI SDUI SAB TTY CODE STR SRL SUPPRESS CVF')
const REL = table('RXCUI1 RXAUI1 STYPE1 REL RXCUI2 RXAUI2 STYPE2 RELA RUI SRUI SAB SL DIR RG SUPPRESS CVF')
const SAT = table('RXCUI LUI SUI RXAUI STYPE CODE ATUI SATUI ATN SAB ATV SUPPRESS CVF')

/** Term types that name a concept by themselves, the display first; the others are further names of one of these. */
const NAMES = 'SCD SBD GPCK BPCK IN PIN MIN BN SCDC SBDC SCDF SBDF SCDFP SBDFP SCDG SBDG SCDGP DF DFG'.split(' ')
const isName = new Set(NAMES)

/** An RxNorm release: RxNorm's own names, relationships and attributes, not those of the sources it was made from. */
export async function rxnormRelease(files: ReleaseFiles, options: { version?: string } = {}): Promise<Release> {
  const names = files.require(/(^|\/)RXNCONSO\.RRF$/i, 'table of names (RXNCONSO.RRF)')
  const relations = files.find(/(^|\/)RXNREL\.RRF$/i)
  const attributes = files.find(/(^|\/)RXNSAT\.RRF$/i)
  const version = options.version ?? /RxNorm_\w+_(\d{8})/i.exec(files.name)?.[1]
  return {
    head: {
      url: URL,
      version:
        version ??
        versionUnknown('The version of RxNorm is the date in the name of the downloaded file, which this one lacks'),
      name: 'RxNorm',
      title: 'RxNorm',
      language: 'en',
      isCaseSensitive: false,
      properties: [
        { code: 'TTY', type: 'string', description: 'Term type' },
        { code: 'SAB', type: 'string', description: 'Source of the name' },
      ],
    },
    async *items() {
      yield* nameItems(files, names)
      if (relations !== undefined) yield* relationItems(files, relations)
      if (attributes !== undefined) yield* attributeItems(files, attributes)
    },
  }
}

async function* nameItems(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<ReleaseItem[]> {
  for await (const rows of readTable(files, file, CONSO)) {
    const items: ReleaseItem[] = []
    for (const row of rows) {
      const [code = '', , , , , , , , , , , source, type = '', , value = '', , suppressed] = row
      if (source !== SOURCE) continue
      const use = { system: URL, code: type, display: type }
      const isSuppressed = suppressed !== 'N'
      if (isName.has(type)) {
        // E and Y suppress a name; O says that what is named is obsolete.
        items.push({ kind: 'concept', code, ...(suppressed === 'O' ? { isInactive: true } : {}) })
        items.push({ kind: 'property', code, property: 'TTY', value: type })
        items.push({ kind: 'property', code, property: 'SAB', value: SOURCE })
      }
      const displayRank = (isName.has(type) ? NAMES.indexOf(type) : NAMES.length) + (isSuppressed ? 100 : 0)
      items.push({ kind: 'designation', code, value, language: 'en', use, displayRank })
    }
    yield items
  }
}

/** A row says: the second concept has the relationship to the first. https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html#rel */
async function* relationItems(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<ReleaseItem[]> {
  for await (const rows of readTable(files, file, REL)) {
    const items: ReleaseItem[] = []
    for (const [
      first = '',
      ,
      firstKind,
      rel = '',
      second = '',
      ,
      secondKind,
      rela = '',
      ,
      ,
      source,
      ,
      ,
      ,
      hidden,
    ] of rows) {
      if (source !== SOURCE || firstKind !== 'CUI' || secondKind !== 'CUI' || (hidden !== '' && hidden !== 'N'))
        continue
      if (rela === 'isa') items.push({ kind: 'parent', code: second, parent: first })
      items.push({ kind: 'property', code: second, property: rela || rel, value: first, isCode: true })
    }
    yield items
  }
}

async function* attributeItems(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<ReleaseItem[]> {
  for await (const rows of readTable(files, file, SAT)) {
    const items: ReleaseItem[] = []
    for (const [code = '', , , , , , , , property = '', source, value = '', hidden] of rows)
      if (source === SOURCE && (hidden === 'N' || hidden === '') && value !== '')
        items.push({ kind: 'property', code, property, value })
    yield items
  }
}
