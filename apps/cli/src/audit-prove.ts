import { writeFile } from 'node:fs/promises'
import { loadConfig } from '@salus/server/kernel'
import { checkProof, proveEvent } from '@salus/server/roles/admin-audit'
import { answer, withAdmin } from './admin-command.ts'
import type { CommandInput } from './command.ts'
import { EXIT } from './exit-code.ts'
import { misuse, type Subcommand, textOption } from './subcommand.ts'

export const auditProve: Subcommand = {
  name: 'prove',
  usage: '<AuditEvent id> [--out <file>] | --check <file> [--public-key <file>]',
  flags: ['check', 'public-key', 'out'],
  async run(input) {
    const file = textOption(input, 'check')
    const [id, ...more] = input.words
    if (file !== undefined && id === undefined) return check(input, file)
    if (file !== undefined || id === undefined || more.length > 0)
      return misuse('audit', 'prove takes one AuditEvent id, or --check.')
    return withAdmin(async (admin) => {
      const bundle = `${JSON.stringify(await proveEvent(admin, id), undefined, 2)}\n`
      const out = textOption(input, 'out')
      if (out === undefined) process.stdout.write(bundle)
      else {
        await writeFile(out, bundle, { flag: 'wx' })
        answer(input, { file: out }, [`The proof is in ${out}. Check it with: salus audit prove --check ${out}`])
      }
      return EXIT.done
    })
  },
}

async function check(input: CommandInput, file: string): Promise<number> {
  const proven = await checkProof(loadConfig(), file, textOption(input, 'public-key'))
  if (!proven.ok) {
    answer(input, { ok: false, reason: proven.fault.message }, [`BAD: ${proven.fault.message}`])
    return EXIT.found
  }
  const { record, node, index, checkpoint } = proven.value
  const { action, outcome, client, actor } = record
  const [at, signedAt] = [record.at, checkpoint.at].map((ms) => new Date(ms).toISOString())
  answer(
    input,
    { ok: true, node, index, at, action, outcome, client, actor, checkpoint: checkpoint.number, signedAt },
    [
      `Proven: leaf ${index} of log ${node} is in the log that checkpoint ${checkpoint.number} signed at ${signedAt}.`,
      `  ${at} ${action} (${outcome}) by client "${client}", actor "${actor}"`,
    ],
  )
  return EXIT.done
}
