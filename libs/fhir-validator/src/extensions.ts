import { type Definition, isJson, type Json, objectsOf, textOf, withoutVersion } from './definition-source.ts'
import type { ValuePlan } from './plan.ts'
import type { ExtensionPlan } from './plans.ts'
import { printable } from './printable.ts'
import { allowsExtension } from './settings.ts'
import { reportExampleUrl } from './urls.ts'
import { visitObject } from './visit.ts'
import type { Walk } from './walk.ts'

/** Checks an extension against its definition, and whether it may stand here. Spec: https://hl7.org/fhir/R4/extensibility.html */
export function visitExtension(walk: Walk, plan: ValuePlan, extension: Json, holder: Json): void {
  const { settings } = walk
  const { url } = extension
  checkValueOrExtensions(walk, extension)
  if (typeof url !== 'string' || url === '') {
    walk.error('required', 'An extension must have a url: without it nobody knows what it means.')
    return visitObject(walk, settings.plans.type('Extension'), extension)
  }
  // The parts of a complex extension have names of their own, defined by the slices of the whole.
  const isPart = !url.includes(':')
  if (plan.node === null && plan.resolve !== null) plan.node = plan.resolve()
  if (plan.node !== null) visitObject(walk, plan.node, extension)
  if (isPart) {
    if (plan.node === null) visitObject(walk, settings.plans.type('Extension'), extension)
    if (typeof holder.url !== 'string') walk.error('value', 'The url of an extension must be absolute.', 'url')
    return
  }
  // Elements of other versions of FHIR are extensions by rule, without definitions of their own.
  const known = settings.plans.extension(url)
  if (known === undefined) {
    if (plan.node === null) visitObject(walk, settings.plans.type('Extension'), extension)
    return reportUnknown(walk, url)
  }
  visitObject(walk, known.node, extension)
  if (url.includes('|')) walk.error('extension', 'The url of an extension must not have a version.')
  if (known.modifier !== plan.modifier) reportWrongKind(walk, known)
  checkContext(walk, plan, known, holder)
}

/** Spec: https://hl7.org/fhir/R4/versions.html#extensions */
const OTHER_VERSION = /^http:\/\/hl7\.org\/fhir\/[1-6]\.0\/StructureDefinition\/extension-[A-Z]/

function reportUnknown(walk: Walk, url: string): void {
  const { settings } = walk
  if (OTHER_VERSION.test(url)) return
  const refused = `The extension${printable.address(url)} has no known definition, so it is not allowed here.`
  if (!settings.exampleUrls && reportExampleUrl(walk, url, 'url')) {
    if (settings.unknownExtensions === 'error') walk.error('extension', refused)
    return
  }
  if (settings.unknownExtensions === 'ignore' || allowsExtension(settings, url)) return
  if (settings.unknownExtensions === 'error') walk.error('extension', refused)
  else
    walk.note(
      'warning',
      'extension',
      `The extension${printable.address(url)} has no known definition, so it was not checked.`,
    )
}

function reportWrongKind(walk: Walk, known: ExtensionPlan): void {
  walk.error(
    'extension',
    known.modifier
      ? `The extension ${known.url} changes the meaning of what it extends: it must be a modifierExtension.`
      : `The extension ${known.url} is no modifier: it must be an extension, not a modifierExtension.`,
  )
}

/** ext-1. Spec: https://hl7.org/fhir/R4/extensibility.html#Extension */
function checkValueOrExtensions(walk: Walk, extension: Json): void {
  let value = false
  for (const key in extension)
    if (key.charCodeAt(0) === 118 ? key.startsWith('value') : key.startsWith('_value')) value = true
  if (value !== (extension.extension !== undefined)) return
  walk.error('invariant', 'ext-1: An extension has either a value or extensions, not both and not neither.')
}

/** R4 says `type.code`, but the code of a type has always been extended at `type`. */
const FHIR_TYPE = 'http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type'

/** Spec: https://hl7.org/fhir/R4/defining-extensions.html#context */
function checkContext(walk: Walk, plan: ValuePlan, known: ExtensionPlan, holder: Json): void {
  const { contexts } = known
  if (contexts.length === 0 || known.url === FHIR_TYPE) return
  for (const context of contexts) {
    if (context.type === 'fhirpath') return
    if (context.type === 'extension') {
      if (holder.url === context.expression) return
    } else if (context.expression === 'Element' || plan.contexts.includes(context.expression)) return
  }
  const here = walk.definitionPath()
  if (contexts.some(({ type, expression }) => type === 'element' && isAt(expression, here))) return
  walk.error('extension', `The extension ${known.url} is not defined for use on this element.`)
}

/** `Patient.contact` may be given as the profile's canonical with `#`; then only what follows it counts. */
const isAt = (expression: string, here: string): boolean =>
  expression === here || expression.slice(expression.indexOf('#') + 1) === here

export interface ExtensionContext {
  type: string
  expression: string
}

export function contextsOf(definition: Definition): ExtensionContext[] {
  return objectsOf(definition.context).map((context) => ({
    type: textOf(context.type),
    expression: context.type === 'extension' ? withoutVersion(textOf(context.expression)) : textOf(context.expression),
  }))
}

export function isModifierDefinition(root: unknown): boolean {
  return isJson(root) && root.isModifier === true
}
