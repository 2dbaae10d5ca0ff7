/**
 * Something that identifies a person, until the vault has sealed it: it prints as `[phi]`,
 * and serialising it is a bug that stops the request.
 */
export class Phi<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  /** The bare value, for the vault and for the answer to the entitled. */
  reveal(): T {
    return this.#value
  }

  toString(): string {
    return '[phi]'
  }

  toJSON(): never {
    throw new Error('patient data must be sealed before it is serialised')
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[phi]'
  }
}
