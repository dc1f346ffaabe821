import { describe, expect, it } from '@jest/globals';
import { narrativeOf, plainText, titleOf } from './markup.js';

describe('markup', () => {
  it.each([
    ['<p>One</p><p>Two<br/>three</p>', 'One\n\nTwo\nthree'],
    ['<ul><li>a</li><li>b</li></ul>', '- a\n- b'],
    ['<TABLE><tr><td>a</td><td>b</td></tr></TABLE>', 'a b'],
    ['<h2 class="x">Head</h2>text', 'Head\ntext'],
    ['see <a href="https://a.example/?x=1&amp;y=2">this</a>', 'see this (https://a.example/?x=1&y=2)'],
    ['<a href="https://a.example">https://a.example</a>', 'https://a.example'],
    ['<a href="javascript:alert(1)">this</a>', 'this'],
    [
      '1 &lt; 2 &amp;&amp; 3 &#62; 2 &#x2014; &quot;ok&quot; &bogus; &#9999999;',
      '1 < 2 && 3 > 2 — "ok" &bogus; &#9999999;',
    ],
    ['&amp;lt;', '&lt;'],
    ['**Bold:** `code` [link](https://a.example)', 'Bold: code link (https://a.example)'],
    ['# Head\n\n\n\n\ntext   \n', 'Head\n\ntext'],
    ['a_b * c ** d', 'a_b * c ** d'],
  ])('%j reads %j', (markup, expected) => {
    expect(plainText(markup)).toBe(expected);
  });

  it.each(['if a <b then', '<script>x</script>', 'Kim <kim@example.com>', '<', 'a < b > c', '<img src=x onerror=y>'])(
    '%j is no formatting, and stays',
    (text) => {
      expect(plainText(text)).toBe(text);
    },
  );
});

describe('a recommendation', () => {
  it.each([
    'What.\n\n**Remediation Recommendation:**\nDo.',
    'What.\n**Recommendations:** Do.',
    'What. **Security Recommendations**: Do.',
    '<p>What.</p><p><strong>Recommendation:</strong> Do.</p>',
  ])('follows its heading in %j', (description) => {
    expect(narrativeOf([description], [], new Set())).toEqual({ description: 'What.', recommendation: 'Do.' });
  });

  it('of its own leaves the description whole', () => {
    const narrative = narrativeOf([null, 'What.\n**Recommendations:** Do.'], ['', 'Act.'], new Set());
    expect(narrative).toEqual({ description: 'What.\nRecommendations: Do.', recommendation: 'Act.' });
  });
});

describe('a title', () => {
  it('is cut even where it is made of an id', () => {
    expect(titleOf([], undefined, `Incident ${'7'.repeat(600)}`, new Set())).toHaveLength(500);
  });

  it.each<[readonly unknown[], string | undefined, string, readonly string[]]>([
    [[null, ' <b>Scan</b>\n'], 'What.', 'Scan', []],
    [[''], 'Attack Detail:\n\nA scan.\nMore.', 'A scan.', ['title_derived']],
    [[], 'Attack Detail:', 'Attack Detail:', ['title_derived']],
    [[{}], undefined, 'Incident 7', ['title_missing']],
  ])('of %j over %j is %j', (titles, description, expected, quality) => {
    const flags = new Set<string>();
    expect(titleOf(titles, description, 'Incident 7', flags)).toBe(expected);
    expect([...flags]).toEqual(quality);
  });
});
