import assert from 'node:assert/strict'
import { test } from 'node:test'
import { functionsOf } from './function-spans.ts'
import { lineAt, readSource } from './source.ts'

const read = (text: string) => readSource('a.ts', text)

test('comments, strings and expressions are told apart from code', () => {
  const source = read("const a = 'x // y' // z 'q'\nconst b = /['\"`]/.test(a) /* `no` */\nlet c = a / b / 2\n")
  assert.deepEqual(
    source.literals.map(({ value }) => value),
    ['x // y'],
  )
  assert.deepEqual(
    source.comments.map(({ text }) => text),
    ["// z 'q'", '/* `no` */'],
  )
  assert.equal(source.code.length, source.text.length)
  assert.match(source.code, /let c = a \/ b \/ 2/)
})

test('code in the hole of a template is code, and what is around it is text', () => {
  const source = read('const a = `one ${f({ x: `in ${n} ner` })} two }` + later()\n')
  assert.deepEqual(
    source.literals.map(({ value, built }) => [value, built]),
    [
      ['one ${} two }', true],
      ['in ${} ner', true],
    ],
  )
  assert.match(source.code, /f\(\{ x: /)
  assert.match(source.code, /later\(\)/)
  assert.doesNotMatch(source.code, /two|ner/)
})

test('a slash after return starts an expression, after a parenthesis it divides', () => {
  const source = read("function f() { return /'/ }\nconst a = (1) / 2 // '\n")
  assert.deepEqual(source.literals, [])
  assert.equal(source.comments.length, 1)
})

test('escapes do not end a literal', () => {
  const source = read("const a = 'it\\'s', b = `a\\`b`, c = /\\//\nd()\n")
  assert.equal(source.literals.length, 2)
  assert.match(source.code, /d\(\)/)
})

test('lines are counted from one', () => {
  assert.equal(lineAt('a\nb\nc', 0), 1)
  assert.equal(lineAt('a\nb\nc', 2), 2)
  assert.equal(lineAt('a\nb\nc', 4), 3)
})

test('functions are found in each of their shapes, control statements are not', () => {
  const source = read(`
export function one(a: number): { b: number } | Promise<{ c: number }> { return a }
const two = async (x: string): Promise<void> => { if (x) { y() } }
class K { three<T>(t: T): asserts t is T { while (t) { z() } } get four() { return 1 } }
run(() => { call() })
const five = on ? (a) : b
for (const x of xs) { six() }
switch (x) { case f(1): { g() } }
`)
  assert.deepEqual(
    functionsOf(source).map(({ name, start }) => [name, lineAt(source.text, start)]),
    [
      ['one', 2],
      ['two', 3],
      ['three', 4],
      ['four', 4],
      ['run', 5],
    ].map(([name, line]) => [name === 'run' ? 'this function' : name, line]),
  )
})
