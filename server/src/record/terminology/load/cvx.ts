import { versionUnknown } from './load-faults.ts'
import { readTable } from './read-table.ts'
import { readXml, type XmlHandler } from './read-xml.ts'
import type { Release, ReleaseItem } from './release.ts'
import type { ReleaseFile, ReleaseFiles } from './release-files.ts'

// CDC's table of vaccines administered, https://www2.cdc.gov/vaccines/iis/iisstandards/vaccines.asp?rpt=cvx;
// in FHIR: https://hl7.org/fhir/R4/cvx.html

/** One vaccine of the table, whatever file it came from. */
interface Vaccine {
  code: string
  short: string
  full: string
  notes: string
  status: string
  isNoVaccine: string
  updated: string
}

const COLUMNS = ['CVX Code', 'Short Description', 'Full Vaccine Name', 'Notes', 'Status', 'Nonvaccine', 'Last Updated']
/** Names of the XML file's elements, or of its name and value pairs, in lower case and without blanks. */
const ELEMENTS: Record<string, keyof Vaccine> = {
  cvxcode: 'code',
  shortdescription: 'short',
  fullvaccinename: 'full',
  notes: 'notes',
  status: 'status',
  nonvaccine: 'isNoVaccine',
  lastupdated: 'updated',
}

/** CDC's CVX table as text separated by bars, or as XML. `version`: the day it was downloaded, `20240301`. */
export async function cvxRelease(files: ReleaseFiles, options: { version?: string } = {}): Promise<Release> {
  const file = files.require(/\.(txt|xml)$/i, 'CVX table (cvx.txt or cvx.xml)')
  const vaccines = /\.xml$/i.test(file.name) ? xmlVaccines : textVaccines
  return {
    head: {
      url: 'http://hl7.org/fhir/sid/cvx',
      version: options.version ?? versionUnknown('CDC gives the CVX table no version; use the day you downloaded it'),
      name: 'CVX',
      title: 'Vaccine Administered (CVX)',
      language: 'en',
      isCaseSensitive: true,
      properties: [
        { code: 'vaccine-status', type: 'string', description: 'Active, Inactive, Pending, Non-US or Never Active' },
        { code: 'nonvaccine', type: 'boolean', description: 'It is no vaccine' },
        { code: 'last-updated', type: 'string', description: 'Date of the last change' },
        { code: 'notes', type: 'string', description: "CDC's notes" },
      ],
    },
    async *items() {
      for await (const found of vaccines(files, file)) yield found.flatMap(itemsOf)
    },
  }
}

function itemsOf({ code, short, full, notes, status, isNoVaccine, updated }: Vaccine): ReleaseItem[] {
  const properties = {
    'vaccine-status': status,
    nonvaccine: isNoVaccine.toLowerCase(),
    'last-updated': updated,
    notes,
  }
  const use = { system: 'http://snomed.info/sct', code: '900000000000013009', display: 'Synonym' }
  return [
    // A vaccine that is no longer given was given once: its code stays in use for history, so it is not inactive.
    { kind: 'concept', code, display: short || full },
    ...(full === '' || full === short
      ? []
      : [{ kind: 'designation' as const, code, value: full, language: 'en', use }]),
    ...Object.entries(properties)
      .filter(([, value]) => value !== '')
      .map(([property, value]) => ({ kind: 'property' as const, code, property, value })),
  ]
}

async function* textVaccines(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<Vaccine[]> {
  for await (const rows of readTable(files, file, { separator: '|', hasHeader: false, columns: COLUMNS })) {
    yield rows
      .map((row) => row.map((value) => value.trim()))
      .map(([code = '', short = '', full = '', notes = '', status = '', isNoVaccine = '', updated = '']) => ({
        code,
        short,
        full,
        notes,
        status,
        isNoVaccine,
        updated,
      }))
      .filter(({ code }) => code.toLowerCase() !== 'cvx code')
  }
}

async function* xmlVaccines(files: ReleaseFiles, file: ReleaseFile): AsyncGenerator<Vaccine[]> {
  const gatherer = new Gatherer()
  for await (const _ of readXml(files, file, gatherer)) yield gatherer.vaccines.splice(0)
}

class Gatherer implements XmlHandler {
  readonly vaccines: Vaccine[] = []
  #vaccine: Vaccine | undefined
  #name = ''

  open(name: string): void {
    if (name === 'CVXInfo')
      this.#vaccine = { code: '', short: '', full: '', notes: '', status: '', isNoVaccine: '', updated: '' }
  }

  close(name: string, text: string): void {
    if (name === 'CVXInfo') {
      if (this.#vaccine !== undefined && this.#vaccine.code !== '') this.vaccines.push(this.#vaccine)
      this.#vaccine = undefined
    } else if (name === 'Name') this.#name = text
    else this.#set(name === 'Value' ? this.#name : name, text)
  }

  #set(name: string, text: string): void {
    const member = ELEMENTS[name.toLowerCase().replaceAll(/\s/g, '')]
    if (member !== undefined && this.#vaccine !== undefined) this.#vaccine[member] = text
  }
}
