import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError } from '#kernel'
import type { FhirRequest } from '../rest/exchange.ts'
import type { Operation } from './operation.ts'
import { readParameters } from './read-parameters.ts'

const operation: Operation = {
  name: 'test',
  definition: 'http://example.org/OperationDefinition/test',
  levels: ['system'],
  types: ['ValueSet'],
  affectsState: false,
  permission: 'r',
  parameters: { url: { kind: 'text' } },
  run: () => Promise.resolve({ status: 200, body: {} }),
}
const request = (query: string, parameter: object[], handling?: 'lenient'): FhirRequest =>
  ({
    method: 'POST',
    path: ['$test'],
    query,
    prefer: handling === undefined ? {} : { handling },
    resource: { resourceType: 'Parameters', parameter },
  }) as unknown as FhirRequest

test('names that every object has are no parameters, in the address and in the body', () => {
  for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
    const isUnknown = (error: unknown): boolean =>
      error instanceof FaultError && error.fault.code === 'fhir.operation.parameter-unknown'
    assert.throws(() => readParameters(operation, request('', [{ name, valueString: 'x' }])), isUnknown, name)
    assert.throws(() => readParameters(operation, request(`${name}=x`, [])), isUnknown, name)
    const lenient = readParameters(operation, request(`${name}=x`, [{ name: 'url', valueUri: 'y' }], 'lenient'))
    assert.deepEqual(lenient.parameter, [{ name: 'url', valueUri: 'y' }])
  }
})
