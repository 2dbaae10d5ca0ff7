import { fhirPathModel } from '@salus/fhir-model'
import { compile, FhirPathError, type UnitConverter } from '@salus/fhirpath'
import type { Chance } from './chance.ts'
import { mutated } from './mutate.ts'
import { SAMPLES } from './samples.ts'
import type { Target } from './target.ts'

export const fhirPathTargets: readonly Target[] = [
  { name: 'FHIRPath', run: evaluate },
  { name: 'FHIRPath bombs', run: bomb },
]

const WORDS = [
  'Patient',
  '.',
  'name',
  'given',
  '.where(',
  '.exists()',
  '(',
  ')',
  '[0]',
  '[',
  ']',
  "'x'",
  "'",
  '1',
  '1.50',
  "4 'mg'",
  '@2024-02',
  '@T12',
  '+',
  '-',
  '*',
  '/',
  '&',
  '|',
  '=',
  '~',
  '!=',
  '>',
  ' and ',
  ' or ',
  ' xor ',
  ' implies ',
  ' is ',
  ' as ',
  ' in ',
  ' contains ',
  ' div ',
  ' mod ',
  '$this',
  '$index',
  '$total',
  '%resource',
  '%context',
  '%`x`',
  '{}',
  'true',
  '.select(',
  '.repeat(',
  'children()',
  '.descendants()',
  '.all(',
  '.aggregate(',
  ',',
  '.replace(',
  '.matches(',
  "'(a+)+$'",
  '.ofType(',
  '.toInteger()',
  '.toDateTime()',
  '.length()',
  '.substring(',
  '.indexOf(',
  '.join(',
  '.union(',
  '.combine(',
  '.iif(',
  '.trace(',
  '.resolve()',
  '.sort(',
  ' desc',
  '.repeatAll(',
  '.coalesce(',
  ".defineVariable('v', ",
  '%v',
  ".replaceMatches('a', ",
  '.split(',
  ".encode('hex')",
  ".unescape('json')",
  '.distinct()',
  '.intersect(',
  '.is(Quantity)',
  '.lowBoundary()',
  '.memberOf(',
  '%terminologies.lookup(',
  '.type()',
  '.yearOf()',
  " > 1 'kg'",
  '`',
  '//',
  '/*',
  '*/',
  '\\',
  'é',
  '\u0000',
]
export const EXPRESSIONS = [
  "Patient.name.where(use = 'official').given.first()",
  'Observation.component.value.ofType(Quantity).where(value > 1)',
  'descendants().where($this is Quantity).aggregate($this.value + $total, 0)',
  'Patient.contact.all(name.exists() or telecom.exists())',
  "iif(birthDate < @1980-01-01, 'old', 'young')",
  'Patient.name.sort(-family, given.first() desc).first().use',
]

export function expressionOf(chance: Chance): string {
  if (chance.once(2)) return chance.text(WORDS, 14)
  const expression = chance.pick(EXPRESSIONS)
  const at = chance.below(expression.length)
  return chance.once(20)
    ? '('.repeat(chance.pick([50, 5_000]))
    : expression.slice(0, at) + chance.pick(WORDS) + expression.slice(at + chance.below(4))
}

function evaluate(chance: Chance): void {
  const resource = chance.once(3) ? mutated(chance, chance.pick(SAMPLES)) : chance.pick(SAMPLES)
  answered(chance, expressionOf(chance), resource)
}

/** A resource large enough that work over work on it would take minutes, were it not counted. */
const LARGE = {
  resourceType: 'Patient',
  extension: Array.from({ length: 5_000 }, (_, i) => ({ url: `u${i % 9}`, valueInteger: i })),
  name: [{ family: 'a'.repeat(300_000), given: ['b'.repeat(100_000), 'ab'.repeat(50_000)] }],
}

/** Parts that take a collection and give a larger one, or take long over it. */
const GROWING = [
  '.select($this | $this)',
  '.select($this.combine($this))',
  '.select(%resource.extension)',
  '.where(%resource.extension.where(value > 3).exists())',
  '.repeat($this & $this)',
  '.repeatAll($this)',
  '.descendants()',
  '.children()',
  '.distinct()',
  '.sort($this)',
  '.sort(url, -value)',
  '.intersect(%resource.descendants())',
  '.aggregate($total & $total, $this)',
  '.aggregate($total.combine($this), {})',
  '.aggregate($total * 99999.99999, 1)',
  ".replace('', 'xxxx')",
  ".replaceMatches('(a*)*', '$1$1')",
  ".replaceMatches('a', %resource.name.given.first())",
  ".matches('(a|aa)+$b')",
  ".matches('(.*a){9}b')",
  ".matches('^(([ab]+)+)+c')",
  ".split('')",
  '.toChars()',
  ".join('ab')",
  ".encode('hex')",
  ".escape('json')",
  '.upper()',
  ' ~ %context.descendants()',
  ' = %context.extension',
  ' | %context.descendants()',
  '.first()',
  '.value',
  ".trace('t')",
  ".defineVariable('v')",
]
const STARTS = ['extension', 'name.family', 'name.given', 'descendants()', '$this', '(1 | 2 | 3)', "'a'", '%resource']

function bomb(chance: Chance): void {
  const parts = Array.from({ length: 1 + chance.below(6) }, () => chance.pick(GROWING))
  answered(chance, chance.pick(STARTS) + parts.join(''), LARGE)
}

const ucum: UnitConverter = { convert: (value, from, to) => (from.length === to.length ? value : undefined) }

function answered(chance: Chance, expression: string, resource: object): void {
  const options = { ucum, strict: chance.once(4), ...(chance.once(2) ? { model: fhirPathModel } : {}) }
  try {
    const result = compile(expression, options)(resource, { now: 1_717_200_000_000, trace: () => undefined })
    if (!Array.isArray(result)) throw new Error('a result is a collection')
  } catch (error) {
    if (!(error instanceof FhirPathError)) throw error
  }
}
