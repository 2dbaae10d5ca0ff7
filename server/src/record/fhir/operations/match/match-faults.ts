import type { Fault } from '#kernel'

export const MATCH_FAULTS = {
  resourceMissing: {
    category: 'invalid',
    code: 'fhir.match.resource-missing',
    message: 'Send what is known of the person as a Patient: the body, or the parameter resource of a Parameters.',
  },
  tooLittle: {
    category: 'invalid',
    code: 'fhir.match.too-little',
    message:
      'Too little to look for: give an identifier, a telephone number or e-mail address, or two of names, birth date and postal code.',
  },
  count: {
    category: 'invalid',
    code: 'fhir.match.count',
    message: 'count is a whole number from 1 to 100.',
  },
  pageUnknown: {
    category: 'invalid',
    code: 'fhir.match.page-unknown',
    message: 'This page was not made here for this client. Start the review again.',
  },
} as const satisfies Record<string, Fault>
