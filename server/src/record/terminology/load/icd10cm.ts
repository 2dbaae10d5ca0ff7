import { basename } from 'node:path'
import { readOrder } from './icd10cm-order.ts'
import { TabularHandler } from './icd10cm-tabular.ts'
import { fileMissing, severalReleases, versionUnknown } from './load-faults.ts'
import { readXml } from './read-xml.ts'
import type { Release, ReleaseItem } from './release.ts'
import type { ReleaseFile, ReleaseFiles } from './release-files.ts'

// CDC's and CMS's files of ICD-10-CM, https://www.cms.gov/medicare/coding-billing/icd-10-codes; URL: https://hl7.org/fhir/R4/icd.html

/**
 * ICD-10-CM from the tabular list (XML), which has chapters, notes and inclusion terms, or from the order file, which has every
 * code with its long title; from both when both are there, of one year. `version`: the year, default as the files are named.
 */
export async function icd10cmRelease(files: ReleaseFiles, options: { version?: string } = {}): Promise<Release> {
  const named = files.files.filter(({ name }) => TABULAR.test(name))
  const tabulars = named.length > 0 ? named : files.files.filter(({ name }) => /^[^/]*tabular[^/]*\.xml$/i.test(name))
  const orders = files.files.filter(({ name }) => ORDER.test(name))
  refuseSeveral([tabulars, orders])
  const [tabular] = tabulars
  const [order] = orders
  const any =
    tabular ?? order ?? fileMissing('tabular list (icd10cm_tabular_YYYY.xml) or order file (icd10cm_order_YYYY.txt)')
  const version = options.version ?? /(20\d\d)/.exec(`${any.name} ${files.name}`)?.[1]
  return {
    head: {
      url: 'http://hl7.org/fhir/sid/icd-10-cm',
      version: version ?? versionUnknown('The year of ICD-10-CM stands in the names of its files, which these lack'),
      name: 'ICD10CM',
      title: 'ICD-10-CM',
      language: 'en',
      isCaseSensitive: false,
      properties: [
        { code: 'billable', type: 'boolean', description: 'A claim may carry the code' },
        ...['includes', 'excludes1', 'excludes2', 'useAdditionalCode', 'codeFirst', 'codeAlso', 'notes'].map(
          (code) => ({
            code,
            type: 'string' as const,
          }),
        ),
      ],
    },
    async *items() {
      if (tabular !== undefined) yield* tabularItems(files, tabular)
      if (order !== undefined) yield* orderItems(files, order, tabular !== undefined)
    },
  }
}

const TABULAR = /(^|\/)icd-?10-?cm[-_]tabular[^/]*\.xml$/i
const ORDER = /(^|\/)icd10cm[-_]order[^/]*\.txt$/i

/** Two years beside each other, or a list of one and the order file of another: which is meant nobody can know. */
function refuseSeveral(kinds: readonly (readonly ReleaseFile[])[]): void {
  const all = kinds.flat()
  // The folder may name the year as well, and of an earlier one than the file: the file's own name goes first.
  const years = all.map(({ name }) => /(20\d\d)/.exec(basename(name))?.[1]).filter((year) => year !== undefined)
  if (kinds.some((files) => files.length > 1) || new Set(years).size > 1) severalReleases(all.map(({ name }) => name))
}

async function* tabularItems(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<ReleaseItem[]> {
  const handler = new TabularHandler()
  for await (const _ of readXml(files, file, handler)) yield handler.items.splice(0)
}

/**
 * A code stands below the longest code before it that it begins with. Beside the tabular list, which tells it, only for those
 * that list lacks; the same parent told twice counts once.
 */
async function* orderItems(files: ReleaseFiles, file: ReleaseFile, isBeside: boolean): AsyncGenerator<ReleaseItem[]> {
  const path: string[] = []
  for await (const codes of readOrder(files, file)) {
    const items: ReleaseItem[] = []
    for (const { code, isBillable, short, long } of codes) {
      while (path.length > 0 && !code.startsWith(path.at(-1) as string)) path.pop()
      const parent = path.at(-1)
      path.push(code)
      items.push({ kind: 'concept', code, display: long })
      if (parent !== undefined && !(isBeside && /X[A-Z]$/.test(code))) items.push({ kind: 'parent', code, parent })
      if (!isBeside) items.push({ kind: 'property', code, property: 'billable', value: String(isBillable) })
      if (short !== long) items.push({ kind: 'designation', code, value: short, language: 'en' })
    }
    yield items
  }
}
