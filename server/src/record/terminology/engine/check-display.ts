import { at, type Check } from './check-state.ts'
import { isActive, isDisplay } from './displays.ts'
import type { Inquiry } from './inquiry.ts'
import type { Issue } from './issues.ts'
import * as messages from './messages.ts'

interface Named {
  system: string
  code: string
  display: string
}

/** Say what is wrong with the display of a coding that is in the value set. */
export function checkDisplay(inquiry: Inquiry, check: Check, { system, code, display }: Named): void {
  const { displays, baseLanguage } = check.coding
  if (displays.all.length === 0) return
  const { settings } = inquiry
  const { languages } = settings
  const matched = displays.has(display, { languages })
  if (matched === true) {
    checkCurrent(inquiry, check, { code, display })
    return
  }
  const lenient = settings.is('lenient-display-validation')
  const wrong = { given: display, system, code, languages: settings.languageSummary }
  let count = displays.count(languages, true)
  let severity: Issue['severity'] = lenient ? 'warning' : 'error'
  if (count === 0) {
    severity = 'warning'
    count = displays.count(languages, false)
  }
  if (count > 0) {
    const told = displays.present(languages, true)
    note(check, severity, messages.wrongDisplay(wrong, { count, told, isSpacing: matched === 'spaces' }))
    return
  }
  const preferred = displays.preferred(undefined)
  if (!preferred) note(check, severity, { id: 'NO_VALID_DISPLAY_AT_ALL', text: messages.noDisplayAtAll(wrong) })
  else if (displays.has(display, { languages, base: baseLanguage ?? 'en' }) === true)
    note(check, 'information', {
      id: 'NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK',
      text: messages.defaultDisplayUsed(wrong),
    })
  else
    note(check, lenient ? 'warning' : 'error', {
      id: 'NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR',
      text: messages.noDisplayForLanguage(wrong, preferred.value),
    })
}

/** A name that is right may be one that is no longer used. */
function checkCurrent(inquiry: Inquiry, check: Check, { code, display }: { code: string; display: string }): void {
  const { displays } = check.coding
  const { languages } = inquiry.settings
  if (displays.has(display, { languages, activeOnly: true }) === true) return
  const right = [...new Set(displays.all.filter((one) => isActive(one) && isDisplay(one)).map(({ value }) => value))]
  // A name that was withdrawn is told as deprecated: it was right once.
  const text = messages.displayNotCurrent({ given: display, code, status: 'deprecated', right })
  check.state.issues.add({
    severity: 'warning',
    code: 'invalid',
    type: 'display-comment',
    id: 'INACTIVE_DISPLAY_FOUND',
    text,
    path: at(check.path, 'display'),
  })
}

function note(check: Check, severity: Issue['severity'], { id, text }: { id: string; text: string }): void {
  check.state.tell(text)
  check.state.issues.add({
    severity,
    code: 'invalid',
    type: 'invalid-display',
    id,
    text,
    path: at(check.path, 'display'),
  })
}
