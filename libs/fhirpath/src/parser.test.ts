import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Expression } from './ast.ts'
import { FhirPathError } from './fhirpath-error.ts'
import { EXPRESSION_CHARS_MAX, parse } from './parser.ts'

/** A tree as fully parenthesised text, so that precedence can be read off. */
function shape(node: Expression): string {
  switch (node.kind) {
    case 'empty':
      return '{}'
    case 'boolean':
    case 'integer':
      return String(node.value)
    case 'string':
      return JSON.stringify(node.value)
    case 'decimal':
      return node.text
    case 'date':
    case 'dateTime':
    case 'time':
      return `${node.kind}:${node.text}`
    case 'quantity':
      return `${node.text} ${node.calendar ? node.unit : `'${node.unit}'`}`
    case 'constant':
      return `%${node.name}`
    case 'this':
    case 'index':
    case 'total':
      return `$${node.kind}`
    case 'member':
      return node.of === null ? node.name : `${shape(node.of)}.${node.name}`
    case 'call':
      return `${node.of === null ? '' : `${shape(node.of)}.`}${node.name}(${node.args.map(shape).join(', ')})`
    case 'indexer':
      return `${shape(node.of)}[${shape(node.index)}]`
    case 'unary':
      return `(${node.op}${shape(node.operand)})`
    case 'binary':
      return `(${shape(node.left)} ${node.op} ${shape(node.right)})`
    case 'type':
      return `(${shape(node.operand)} ${node.op} ${node.type.namespace ? `${node.type.namespace}.` : ''}${node.type.name})`
  }
}

function refusal(expression: string): FhirPathError {
  try {
    parse(expression)
  } catch (error) {
    assert.ok(error instanceof FhirPathError)
    return error
  }
  return assert.fail(`${expression} was accepted`)
}

test('operators bind by the order of the grammar', () => {
  const cases: [string, string][] = [
    ['1+2*3+4', '((1 + (2 * 3)) + 4)'],
    ['a or b and c', '(a or (b and c))'],
    ['a implies b or c', '(a implies (b or c))'],
    ['1 > 2 is Boolean', '(1 > (2 is Boolean))'],
    ['1 | 1 is Integer', '(1 | (1 is Integer))'],
    ['a | b = c', '((a | b) = c)'],
    ['a = b in c', '((a = b) in c)'],
    ["true and '1' in ('1' | '2')", '(true and ("1" in ("1" | "2")))'],
    ['a - b - c', '((a - b) - c)'],
    ["a & 'x' + b", '((a & "x") + b)'],
    ['-7.abs()', '(-7.abs())'],
    ['-7 + 3', '((-7) + 3)'],
    ['a xor b or c', '((a xor b) or c)'],
    ['a as FHIR.Quantity | b', '((a as FHIR.Quantity) | b)'],
    ['x < 1 = true', '((x < 1) = true)'],
  ]
  for (const [expression, expected] of cases) assert.equal(shape(parse(expression)), expected)
})

test('paths, functions, indexers and variables', () => {
  const cases: [string, string][] = [
    ['Patient.name[0].given', 'Patient.name[0].given'],
    ['name.where($this.use = %x)[1]', 'name.where(($this.use = %x))[1]'],
    ["%'vs-a' | %`b c`", '(%vs-a | %b c)'],
    ['`Patient`.`na``me`', ''],
    ['select($index + $total)', 'select(($index + $total))'],
    ['a.contains(b) contains c', '(a.contains(b) contains c)'],
    ['Patient.text.div', 'Patient.text.div'],
    ['as.is.in', 'as.is.in'],
    ['{}', '{}'],
  ]
  for (const [expression, expected] of cases) {
    if (expected === '') assert.equal(refusal(expression).code, 'syntax')
    else assert.equal(shape(parse(expression)), expected)
  }
})

test('literals keep their precision and their unit', () => {
  const cases: [string, string][] = [
    ['1.10', '1.10'],
    ['1.abs()', '1.abs()'],
    ['@2014', 'date:2014'],
    ['@2014-01-25', 'date:2014-01-25'],
    ['@2014T', 'dateTime:2014T'],
    ['@2014-01-25T14:30:14.559+10:00', 'dateTime:2014-01-25T14:30:14.559+10:00'],
    ['@T14:30', 'time:14:30'],
    ["4.50 'mg'", "4.50 'mg'"],
    ['3 days', '3 day'],
    ['1 year', '1 year'],
    ["'it\\'s \\u0041\\n\\p'", JSON.stringify("it's A\np")],
  ]
  for (const [expression, expected] of cases) assert.equal(shape(parse(expression)), expected)
})

test('comments are blank, and an open one is refused', () => {
  assert.equal(shape(parse('2 // two\n + /* three */ 3')), '(2 + 3)')
  assert.equal(refusal('2 /* three').code, 'syntax')
})

test('what is not FHIRPath is refused with its position and without its text', () => {
  const cases: [string, number][] = [
    ['2 + 2 /', 7],
    ["name.where(family = 'Chalmers", 20],
    ['a b', 2],
    ['a and', 5],
    ['and b', 0],
    ['a.$this', 2],
    ['a[1', 3],
    ['f(a', 3],
    ['a is 1', 5],
    ['#', 0],
    ["'\\u00g0'", 1],
    ['', 0],
    ['@T14:30Z', 7],
  ]
  for (const [expression, position] of cases) {
    const error = refusal(expression)
    assert.equal(error.code, 'syntax')
    assert.equal(error.position, position, expression)
    assert.ok(!error.message.includes('Chalmers'))
  }
})

test('length, nesting and chains are limited', () => {
  const nested = (n: number) => `${'('.repeat(n)}1${')'.repeat(n)}`
  assert.equal(parse(nested(150)).kind, 'integer')
  assert.equal(refusal(nested(201)).code, 'limit')
  assert.equal(refusal('-'.repeat(300)).code, 'limit')
  assert.equal(parse(`a${'.a'.repeat(900)}`).kind, 'member')
  assert.equal(refusal(`a${'.a'.repeat(1_100)}`).code, 'limit')
  assert.equal(refusal(' '.repeat(EXPRESSION_CHARS_MAX + 1)).code, 'limit')
})
