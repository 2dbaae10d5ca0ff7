import type { ElementNode } from './element-tree.ts'
import { typesOf } from './snapshot.ts'

/** The url that a slice of extensions is for: of its profile, or fixed within. */
export function extensionUrl(slice: ElementNode): string | undefined {
  const url = slice.children.find(({ name }) => name === 'url')?.definition
  const fixed = url?.fixedUri ?? url?.patternUri
  if (typeof fixed === 'string') return fixed
  const [type] = typesOf(slice)
  return type?.code === 'Extension' ? type.profile?.[0]?.split('|')[0] : undefined
}
