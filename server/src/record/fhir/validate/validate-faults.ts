import type { Fault } from '#kernel'
import { VALIDATE_LIMITS } from './validate-limits.ts'

/** A check that was stopped, or would have to be. */
export const TOO_COSTLY: Fault = {
  category: 'too-costly',
  code: 'fhir.validate.too-costly',
  message: `The resource is too large to be checked here, or its profiles ask for more work than ${VALIDATE_LIMITS.checkMs / 1000} s. Send less at once, or check it with "salus validate".`,
}
/** Too many checks of one tenant wait, or this one has waited too long. */
export const BUSY: Fault = {
  category: 'busy',
  code: 'fhir.validate.busy',
  message:
    'More is to be checked for this tenant than can be. Nothing was done; send it again in a second, and less at once.',
}
/** For a while after a check was stopped. */
export const PAUSED: Fault = {
  category: 'busy',
  code: 'fhir.validate.paused',
  message: `A check took too much work a moment ago. Nothing is checked for this tenant for ${VALIDATE_LIMITS.pauseMs / 1000} s; try again then.`,
}
