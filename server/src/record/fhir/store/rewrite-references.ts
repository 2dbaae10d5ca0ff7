/** Asks for the replacement of a string that stands in a resource; undefined keeps it. */
export type Rewrite = (text: string, isReference: boolean) => string | undefined

/**
 * Replace references in place: `Reference.reference`, and any other string a rewrite knows (uri and url elements may
 * name an entry's fullUrl too, http://hl7.org/fhir/R4/http.html#trules). Narrative links are rewritten by `narrative`.
 */
export function rewriteReferences(node: unknown, rewrite: Rewrite, narrative: (html: string) => string): void {
  if (Array.isArray(node)) {
    for (let i = 0; i < node.length; i++) {
      const child: unknown = node[i]
      if (typeof child === 'string') node[i] = rewrite(child, false) ?? child
      else if (typeof child === 'object' && child !== null) rewriteReferences(child, rewrite, narrative)
    }
    return
  }
  const object = node as Record<string, unknown>
  for (const key in object) {
    const child = object[key]
    if (typeof child === 'string') {
      const replaced = key === 'div' ? narrative(child) : rewrite(child, key === 'reference')
      if (replaced !== undefined && replaced !== child) object[key] = replaced
    } else if (typeof child === 'object' && child !== null) rewriteReferences(child, rewrite, narrative)
  }
}

/** All conditional references (`Patient?identifier=...`) below `node`. */
export function conditionalReferences(node: object, into: Set<string>): void {
  if (Array.isArray(node)) {
    for (const child of node)
      if (typeof child === 'object' && child !== null) conditionalReferences(child as object, into)
    return
  }
  const object = node as Record<string, unknown>
  for (const key in object) {
    const child = object[key]
    if (typeof child === 'object' && child !== null) conditionalReferences(child, into)
    else if (key === 'reference' && typeof child === 'string' && child.includes('?') && isConditional(child))
      into.add(child)
  }
}

function isConditional(reference: string): boolean {
  const mark = reference.indexOf('?')
  return mark > 0 && /^[A-Z][A-Za-z]+$/.test(reference.slice(0, mark))
}
