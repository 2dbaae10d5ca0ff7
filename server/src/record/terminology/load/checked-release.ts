import { shown, tooLarge, versionUnknown, wrongLayout } from './load-faults.ts'
import { LOAD_LIMITS } from './load-limits.ts'
import type { Release, ReleaseItem } from './release.ts'

/** A SNOMED CT version is a URI of 70 characters; a bar would end a canonical's URL. */
const VERSION = /^[^\s|\p{C}]{1,128}$/u

/**
 * The release with each item looked at. Faults `terminology.load.layout` for an impossible value, `.too-large` for too many
 * concepts, `.version-unknown` when its version can be none.
 */
export function checkedRelease({ head, items }: Release): Release {
  if (!VERSION.test(head.version)) versionUnknown(`${shown(head.version)} is no version`)
  return {
    head,
    async *items() {
      let concepts = 0
      for await (const some of items()) {
        for (const item of some) {
          checkItem(item)
          if (item.kind === 'concept') concepts++
        }
        if (concepts > LOAD_LIMITS.conceptsMax) tooLarge(`it has more than ${LOAD_LIMITS.conceptsMax} concepts`)
        yield some
      }
    },
  }
}

function checkItem(item: ReleaseItem): void {
  checkCode(item.code)
  switch (item.kind) {
    case 'concept':
      checkValue(item.display)
      return checkValue(item.definition)
    case 'designation':
      for (const part of [item.language, item.use?.system, item.use?.code, item.use?.display]) checkValue(part)
      return checkValue(item.value)
    case 'property':
      checkCode(item.property)
      return checkValue(item.value)
    case 'parent':
      return checkCode(item.parent)
    case 'member':
      return checkCode(item.set)
  }
}

/** A code is not empty and has no blanks at its ends: https://hl7.org/fhir/R4/datatypes.html#code */
function checkCode(code: string): void {
  if (code === '' || code !== code.trim()) wrongLayout('a code in it is empty or has blanks around it')
  if (code.length > LOAD_LIMITS.codeCharsMax) wrongLayout(`a code in it is too long: ${shown(code)}`)
  // PostgreSQL stores no zero byte, and no table of codes has a use for one.
  if (code.includes('\0')) wrongLayout('a code in it holds a zero byte')
}

function checkValue(value: string | undefined): void {
  if (value === undefined) return
  if (value.length > LOAD_LIMITS.valueCharsMax) wrongLayout(`a value in it is too long: ${shown(value)}`)
  if (value.includes('\0')) wrongLayout('a value in it holds a zero byte')
}
