import type { CodeSystemProvider, Concept, Relative } from './concept.ts'
import { type Designation, Displays } from './displays.ts'
import type { Inquiry } from './inquiry.ts'
import { TerminologyError } from './issues.ts'
import * as messages from './messages.ts'
import type { Json } from './resources.ts'

/** Look a code up: http://hl7.org/fhir/R4/codesystem-operation-lookup.html */
export async function lookupCode(
  inquiry: Inquiry,
  asked: { system: string; version: string | undefined; code: string },
): Promise<object> {
  await inquiry.open(undefined)
  const { provider, concept } = await findCode(inquiry, asked)
  const { settings } = inquiry
  const displays = new Displays()
  displays.add(concept.designations)
  const shown = displays.preferred(settings.languages) ?? displays.preferred(undefined)
  const wanted = new Set(settings.properties)
  const all = wanted.size === 0 || wanted.has('*')
  const parameter: Json[] = []
  const add = (name: string, value: Json | undefined): void => void (value && parameter.push({ name, ...value }))
  const { head } = provider
  add('name', { valueString: head.name ?? head.title ?? head.url })
  add('code', { valueCode: concept.code })
  add('system', { valueUri: head.url })
  add('version', head.version === undefined ? undefined : { valueString: head.version })
  // R4 asks for a display always; a concept without one is called by its code.
  add('display', { valueString: shown?.value ?? concept.code })
  add('abstract', { valueBoolean: concept.isAbstract })
  if (concept.definition !== undefined && (all || wanted.has('definition')))
    add('definition', { valueString: concept.definition })
  if (all || wanted.has('designation')) for (const one of concept.designations) add('designation', designationPart(one))
  for (const property of await properties(provider, concept, all ? undefined : wanted)) add('property', property)
  for (const supplement of provider.supplements) add('used-supplement', { valueCanonical: supplement })
  return { resourceType: 'Parameters', parameter }
}

/** The concept; faults `not-found` when the system or the code is not there. */
export async function findCode(
  inquiry: Inquiry,
  { system, version, code }: { system: string; version: string | undefined; code: string },
): Promise<{ provider: CodeSystemProvider; concept: Concept }> {
  const provider = await inquiry.system(system, version)
  if (!provider) throw await systemNotFound(inquiry, system, version)
  const concept = await provider.find(code)
  if (concept) return { provider, concept }
  throw new TerminologyError(
    {
      severity: 'error',
      code: 'not-found',
      type: 'invalid-code',
      id: 'Unknown_Code_in_Version',
      text: messages.unknownCode(code, system, provider.head.version),
      path: 'code',
    },
    404,
  )
}

export async function systemNotFound(
  inquiry: Inquiry,
  system: string,
  stated: string | undefined,
): Promise<TerminologyError> {
  const version = inquiry.systemVersion(system, stated)
  const versions = await inquiry.library.versions(system)
  const purpose = 'code cannot be validated'
  return new TerminologyError(
    {
      severity: 'error',
      code: 'not-found',
      type: 'not-found',
      id: version === undefined ? 'UNKNOWN_CODESYSTEM' : 'UNKNOWN_CODESYSTEM_VERSION',
      text:
        version === undefined
          ? messages.unknownSystem(system, purpose)
          : messages.unknownVersion({ system, version, versions }, purpose),
      path: 'system',
    },
    404,
  )
}

function designationPart({ language, use, value, isDisplay, source }: Designation): Json {
  return {
    part: [
      ...(language === undefined ? [] : [{ name: 'language', valueCode: language }]),
      ...(use === undefined
        ? isDisplay
          ? [{ name: 'use', valueCoding: PREFERRED }]
          : []
        : [{ name: 'use', valueCoding: use }]),
      { name: 'value', valueString: value },
      ...(source === undefined ? [] : [{ name: 'source', valueCanonical: source }]),
    ],
  }
}

const PREFERRED = {
  system: 'http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra',
  code: 'preferredForLanguage',
  display: 'Preferred For Language',
}

async function properties(
  provider: CodeSystemProvider,
  concept: Concept,
  wanted: ReadonlySet<string> | undefined,
): Promise<Json[]> {
  const found: Json[] = []
  const isWanted = (code: string): boolean => wanted === undefined || wanted.has(code)
  const stated = new Set(concept.properties.map(({ code }) => code))
  if (isWanted('inactive') && !stated.has('inactive'))
    found.push(propertyPart('inactive', ['valueBoolean', concept.isInactive]))
  const isAsked = (['parent', 'child'] as const).filter((code) => isWanted(code) && !stated.has(code))
  if (isAsked.length > 0) {
    const { parents, children } = await relativesOf(provider, concept)
    for (const code of isAsked)
      for (const one of code === 'parent' ? parents : children)
        found.push(propertyPart(code, ['valueCode', one.code], one.display))
  }
  for (const { code, name, value } of concept.properties)
    if (isWanted(code)) found.push(propertyPart(code, [name, value]))
  return found
}

async function relativesOf(
  provider: CodeSystemProvider,
  { code, parents, children }: Concept,
): Promise<{ parents: readonly Relative[]; children: readonly Relative[] }> {
  if (provider.relatives) return provider.relatives(code)
  const named = (codes: readonly string[]): Promise<Relative[]> =>
    Promise.all(codes.map(async (one) => ({ code: one, display: (await provider.find(one))?.display })))
  return { parents: await named(parents), children: await named(children) }
}

function propertyPart(code: string, [name, value]: readonly [string, unknown], description?: string): Json {
  return {
    part: [
      { name: 'code', valueCode: code },
      { name: 'value', [name]: value },
      ...(description === undefined ? [] : [{ name: 'description', valueString: description }]),
    ],
  }
}
