import { rotateBranch, rotatePatient, rotateRoot } from '@salus/server/roles/admin-keys'
import { answer, withAdmin } from './admin-command.ts'
import { progressLine } from './admin-progress.ts'
import type { CommandInput } from './command.ts'
import { EXIT } from './exit-code.ts'
import { patientId } from './keys-patient-id.ts'
import { misuse, numberOption, type Subcommand } from './subcommand.ts'

export const keysRotate: Subcommand = {
  name: 'rotate',
  usage: 'root | branch [--tenant <n>] | patient <Patient/id> [--tenant <n>] [--no-wait]',
  flags: ['tenant', 'no-wait'],
  async run(input) {
    const [what, id, ...more] = input.words
    const tenant = numberOption(input, 'tenant', 1)
    if (tenant === undefined) return misuse('keys', '--tenant takes the number of a tenant.')
    if (what === 'root' && id === undefined) return root(input)
    if (what === 'branch' && id === undefined) return branch(input, tenant)
    const patient = patientId(id)
    if (what === 'patient' && patient !== undefined && more.length === 0) return patientKey(input, tenant, patient)
    return misuse('keys', 'rotate takes root, branch, or patient with a Patient/id.')
  },
}

function root(input: CommandInput): Promise<number> {
  return withAdmin(async (admin) => {
    const { keys } = await rotateRoot(admin)
    answer(input, { keys }, [
      `The root key is rotated: ${keys} branch keys are wrapped anew.`,
      'Keep the retired root key as long as backups made before today, and a copy of the new one apart from them.',
    ])
    return EXIT.done
  })
}

function branch(input: CommandInput, tenant: number): Promise<number> {
  return withAdmin(async (admin) => {
    const progress = progressLine(input.json)
    const { keys, destroyed } = await rotateBranch(admin, tenant, (done) => progress.show(`${done} keys wrapped anew`))
    progress.done()
    answer(input, { tenant, keys, destroyed }, [
      `The branch key of tenant ${tenant} is rotated: ${keys} keys are wrapped anew, ${destroyed} retired branch keys destroyed.`,
    ])
    return EXIT.done
  })
}

function patientKey(input: CommandInput, tenant: number, id: string): Promise<number> {
  return withAdmin(async (admin) => {
    const progress = progressLine(input.json)
    const report = await rotatePatient(
      admin,
      { tenant, id },
      {
        wait: input.options['no-wait'] !== true,
        onProgress: (versions) => progress.show(`${versions} versions sealed again`),
        onWait() {
          progress.done()
          process.stderr.write(
            'Everything is sealed again. Waiting up to five minutes until nobody can hold the older key ...\n',
          )
        },
      },
    )
    progress.done()
    answer(input, { tenant, patient: `Patient/${id}`, ...report }, [
      `${report.versions} versions are sealed under the new key.`,
      report.isFinished
        ? 'The older key is destroyed.'
        : 'The older key is still there: run the command again in five minutes, which destroys it.',
    ])
    return EXIT.done
  })
}
