import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allowedToApplication } from '../../../../test/fixtures/application-rights.ts'

test('the application may wrap keys anew and destroy those of patients, and change nothing else in the key store', async () => {
  const refused = [
    'delete from vault.tenant_key',
    'delete from vault.shredded',
    'update vault.shredded set at = 0',
    'update vault.patient_key set lineage = 0',
    'update vault.patient_key set patient = 1',
    'update vault.tenant_key set purpose = 1',
    'update vault.branch_key set tenant = 2',
    'truncate vault.patient_key',
  ]
  const needed = [
    'delete from vault.patient_key',
    'delete from vault.branch_key',
    'update vault.branch_key set wrapped = wrapped, retired = 0',
    'update vault.tenant_key set epoch = epoch, wrapped = wrapped',
    'update vault.patient_key set epoch = epoch, wrapped = wrapped',
  ]
  assert.deepEqual(await allowedToApplication([...refused, ...needed]), needed)
})
