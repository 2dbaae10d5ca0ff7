import { email, telephoneDigits } from '#vault'

const TELEPHONE = new Set(['phone', 'fax', 'pager', 'sms'])

/** Normal form of a telephone number, e-mail address or other contact, by the system it is recorded under. */
export function storedContact(value: string, system: string | undefined): string {
  if (system !== undefined && TELEPHONE.has(system)) return telephoneDigits(value)
  return system === 'email' ? email(value) : value.trim()
}

/** Normal forms a queried contact may have been stored in. Text without digits has no telephone form. */
export function queriedContacts(code: string, value: string): string[] {
  const forms =
    code === 'phone'
      ? [telephoneDigits(value)]
      : code === 'email'
        ? [email(value)]
        : [telephoneDigits(value), email(value), value.trim()]
  return [...new Set(forms)].filter((form) => form !== '')
}
