import { valuePlan } from './compile-value.ts'
import { discriminate } from './discriminator.ts'
import { maxOf, type TypeRef, typeCode } from './element-definition.ts'
import type { ElementNode } from './element-tree.ts'
import { extensionUrl } from './extension-url.ts'
import type { SlicePlan, SlicingPlan } from './plan.ts'
import type { Scope } from './scope.ts'
import { visitSliced } from './slicing.ts'
import { typesOf } from './snapshot.ts'

interface Around {
  scope: Scope
  owner: string
}

/** How the values of a sliced element are told apart. `type` is the one of the JSON name at hand. */
export function compileSlicing(node: ElementNode, type: TypeRef, around: Around): SlicingPlan {
  return compileLevel(node, node.slices, { type, around, outer: '' })
}

const BY_URL = [{ type: 'value', path: 'url' }]

interface Level {
  type: TypeRef
  around: Around
  /** The slice whose slices these are; empty at the element itself. */
  outer: string
}

function compileLevel(node: ElementNode, all: readonly ElementNode[], { type, around, outer }: Level): SlicingPlan {
  const { slicing } = node.definition
  const isExtension = node.name === 'extension' || node.name === 'modifierExtension'
  const names = new Set(all.map(({ slice }) => slice))
  const own = all.filter(({ slice }) => outerOf(slice, names) === outer)
  // Extensions are told apart by their url also where a profile does not say so.
  const discriminators = slicing?.discriminator ?? (isExtension ? BY_URL : [])
  const problems: string[] = []
  const slices = own.map((slice): SlicePlan => {
    const { matches, problem } = discriminate(slice, discriminators, around.scope)
    if (problem !== null && slice.slice !== '@default') problems.push(problem)
    const use = typesOf(slice).find((one) => typeCode(one) === typeCode(type)) ?? type
    const inner = all.some((one) => outerOf(one.slice, names) === slice.slice)
    return {
      name: slice.slice,
      min: slice.definition.min ?? 0,
      max: maxOf(slice.definition.max),
      matches,
      value: valuePlan(slice, use, { ...around, modifier: node.name === 'modifierExtension' }),
      inner: inner ? compileLevel(slice, all, { type, around, outer: slice.slice }) : null,
    }
  })
  return {
    visit: visitSliced,
    path: pathOf(node),
    slices,
    rules: slicing?.rules ?? 'open',
    ordered: slicing?.ordered === true,
    byUrl: urlsOf(own, discriminators),
    profile: around.scope.url,
    problem: problems.length === 0 ? null : `The slices of ${pathOf(node)} cannot be told apart: ${problems[0]}`,
  }
}

const pathOf = (node: ElementNode): string => node.definition.path ?? node.name

/** `a/b` is a slice of the slice `a` where there is one; a name may have a slash of its own. */
function outerOf(name: string, names: ReadonlySet<string>): string {
  const slash = name.lastIndexOf('/')
  return slash > 0 && names.has(name.slice(0, slash)) ? name.slice(0, slash) : ''
}

/** Slices of extensions by nothing but their url: one look-up for any number of them. */
function urlsOf(
  slices: readonly ElementNode[],
  discriminators: readonly { type: string; path: string }[],
): ReadonlyMap<string, number> | null {
  const [only] = discriminators
  if (discriminators.length !== 1 || only?.type !== 'value' || only.path !== 'url') return null
  const urls = new Map<string, number>()
  for (const [place, slice] of slices.entries()) {
    const url = extensionUrl(slice)
    if (url === undefined || slice.slice === '@default') return null
    urls.set(url, place)
  }
  return urls
}
