import { type Clock, type Config, systemClock } from '#kernel'
import { awsKms } from './aws-kms.ts'
import { fileRootKey } from './file.ts'
import type { RootKey } from './root-key.ts'
import { vaultTransit } from './vault-transit.ts'

/** The provider that the configuration names (`SALUS_ROOT_KEY`). Nothing is read or called before `prepare`. */
export function rootKeyOf(config: Config, clock: Clock = systemClock): RootKey {
  switch (config.required('SALUS_ROOT_KEY')) {
    case 'vault-transit':
      return vaultTransit({
        address: config.required('SALUS_VAULT_ADDR'),
        tokenFile: config.required('SALUS_VAULT_TOKEN_FILE'),
        keyName: config.required('SALUS_VAULT_TRANSIT_KEY'),
      })
    case 'aws-kms': {
      const region = config.required('SALUS_AWS_REGION')
      return awsKms({
        region,
        keyId: config.required('SALUS_AWS_KMS_KEY_ID'),
        endpoint: config.get('SALUS_AWS_KMS_ENDPOINT') ?? `https://kms.${region}.amazonaws.com/`,
        credentialsFile: config.required('SALUS_AWS_CREDENTIALS_FILE'),
        clock,
      })
    }
    default:
      return fileRootKey(config.get('SALUS_ROOT_KEY_FILE') ?? config.dataPath('keys', 'root.key'))
  }
}
