import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isMarkup, isMarkupClean } from './xhtml.ts'

test('well-formed narrative passes', () => {
  const good = [
    '<div/>',
    '<div xmlns="http://www.w3.org/1999/xhtml">a &amp; b &#160; &lt;</div>',
    '  <div><p>a<br/>b</p><!-- c --><img src="data:image/png;base64,AAAA" alt=\'>\'/></div>\n',
    '<div><a href="https://example.org/?a=1&amp;b=2" title="a > b">x</a><a name="y"> </a></div>',
    '<div><table class="grid"><tr><td style="color: red">onclick=</td></tr></table></div>',
  ]
  for (const text of good) {
    assert.ok(isMarkup(text), text)
    assert.ok(isMarkupClean(text), text)
  }
})

test('what is not one well-formed div is refused', () => {
  const bad = [
    '',
    'text',
    '<p>a</p>',
    '<divx></divx>',
    '<div>',
    '<div></p>',
    '<div><p></div></p>',
    '<div></div><div></div>',
    '<div></div>text',
    '<div>a & b</div>',
    '<div>&nbsp;</div>',
    '<div>&#xZZ;</div>',
    '<div a=b></div>',
    '<div a></div>',
    '<div a="1></div>',
    '<div a="<"></div>',
    '<div><!-- </div>',
    '<div><![CDATA[a]]></div>',
    '<div><?php ?></div>',
    '<!DOCTYPE div><div></div>',
    '<div></div a="1">',
    `${'<div>'.repeat(300)}${'</div>'.repeat(300)}`,
    '<div><1></div>',
  ]
  for (const text of bad) assert.ok(!isMarkup(text), text)
})

test('active content is refused', () => {
  const bad = [
    '<div><script>x</script></div>',
    '<div><SCRIPT/></div>',
    '<div><iframe src="a"/></div>',
    '<div><form/></div>',
    '<div><svg/></div>',
    '<div><style>a</style></div>',
    '<div><object/></div>',
    '<div><input/></div>',
    '<div onclick="x"></div>',
    '<div><img src="a" onerror = \'x\'/></div>',
    '<div OnLoad="x"></div>',
    '<div><a href="javascript:x">a</a></div>',
    '<div><a href=" java\nscript:x">a</a></div>',
    '<div><a href="&#106;avascript:x">a</a></div>',
    '<div><a href="data:text/html,x">a</a></div>',
    '<div><a title=">" href="vbscript:x">a</a></div>',
  ]
  for (const text of bad) assert.ok(!isMarkupClean(text), text)
})
