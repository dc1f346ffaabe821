import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { alertArbitrary, sampleAlert } from '../../../test/support/alerts.js';
import { sampleDelivery } from '../../../test/support/deliveries.js';
import type { Alert } from '../../core/alert.js';
import { compileTemplate, TemplateError, type Format } from './template.js';

const json = 'application/json';

const written = (template: string, alert: Partial<Alert> = {}, contentType = json, format: Format = 'alert'): string =>
  compileTemplate(template, contentType, format)(sampleDelivery({ alert: sampleAlert(alert) }));

const complaintAbout = (template: string, contentType = 'text/plain'): string => {
  try {
    compileTemplate(template, contentType, 'alert');
  } catch (error) {
    if (error instanceof TemplateError) return error.message;
    throw error;
  }
  return '';
};

describe('a template', () => {
  it('writes a body from an alert and its delivery', () => {
    const template = `{
      "text": "[{{ alert.severity | upcase }}] {{ alert.title }}",
      "level": {{ alert.severityId }},
      "rule": {{ alert.rule.name | default: "none" | json }},
      "hosts": [{% for one in alert.resources %}{{ one.hostname | default: one.type | json }}{% unless forloop.last %},{% endunless %}{% endfor %}],
      "tags": {{ alert.tags | json }},
      "whole": {{ alert.source }},
      "via": "{{ delivery.routes | join: ', ' }}", "id": "{{ delivery.id }}"
    }`;
    expect(JSON.parse(written(template))).toEqual({
      text: '[HIGH] Root shell opened on web-1',
      level: 4,
      rule: 'Root shell',
      hosts: ['web-1.example.com'],
      tags: ['env:test'],
      whole: sampleAlert().source,
      via: 'everything',
      id: `${sampleAlert().id}/datadog`,
    });
  });

  it('finds the OCSF finding as well, if asked', () => {
    const body = written('{"class": {{ ocsf.class_uid }}, "of": "{{ ocsf.metadata.uid }}"}', {}, json, 'ocsf');
    expect(JSON.parse(body)).toEqual({ class: 2004, of: sampleAlert().id });
    expect(complaintAbout('{{ ocsf.class_uid }}')).toContain('undefined variable: ocsf');
  });

  it('may leave out what an alert does not have', () => {
    const template =
      '{{ alert.title }}{% if alert.rule.name %} by {{ alert.rule.name }}{% endif %}{{ alert.count | default: "" }}';
    expect(written(template, {}, 'text/plain')).toBe('Root shell opened on web-1 by Root shell');
  });
});

describe('the words of an alert', () => {
  it('stay between the quotes that JSON has around them, whatever they are', () => {
    const write = compileTemplate('{"a": "x{{ alert.title }}y", "b": {{ alert.title | json }}}', json, 'alert');
    fc.assert(
      fc.property(alertArbitrary, (alert) => {
        const { a, b } = JSON.parse(write(sampleDelivery({ alert }))) as { a: string; b: string };
        expect(a).toBe(`x${alert.title}y`);
        expect(b).toBe(alert.title);
      }),
    );
    const title = '", "admin": true, "x": "\\';
    expect(JSON.parse(written('{"a": "{{ alert.title }}"}', { title }))).toEqual({ a: title });
  });

  it('are no template, however often they are written', () => {
    const title = '{{ 7 | times: 7 }}{% assign x = 1 %}${7*7}{{constructor.constructor("return process")()}}';
    expect(
      written('{% assign t = alert.title %}{{ t | append: t | split: "|" | join: "|" }}', { title }, 'text/plain'),
    ).toBe(title + title);
    const enrichment = { a: '{{ alert.id }}' };
    expect(JSON.parse(written('{{ alert.enrichment | default: "" | json }}', { enrichment }))).toEqual(enrichment);
  });

  it.each([
    ['application/xml', '<b title=\'"&'],
    ['text/html', '<b title=\'"&'],
  ])('are escaped for %s', (contentType, title) => {
    expect(written('<t>{{ alert.title }}</t>', { title }, contentType)).toBe('<t>&#60;b title=&#39;&#34;&#38;</t>');
  });

  it('are escaped for a form', () => {
    const body = written(
      't={{ alert.title }}&s=1',
      { title: 'a&s=2 ü%\ud800' },
      'application/x-www-form-urlencoded; charset=utf-8',
    );
    expect([...new URLSearchParams(body)]).toEqual([
      ['t', 'a&s=2 ü%\ufffd'],
      ['s', '1'],
    ]);
  });
});

describe('a mistake in a template', () => {
  it.each([
    ['{{ alert.title ', 'line 1, column 1: output "{{ alert.title " not closed'],
    ['one\n{% if alert.title %}\n', 'line 2, column 1: tag {% if alert.title %} not closed'],
    ['one\ntwo {{ alert.title | shout }}', 'line 2, column 5: undefined filter: shout'],
    ['\n\n{{ alert.titel }}', 'line 3, column 4: undefined variable: alert.titel'],
    ['{{ alert.description }}', 'undefined variable: alert.description'],
    ['{{ alert.vendorIds.incident }}', 'undefined variable: alert.vendorIds.incident'],
    ['{% explode %}', 'line 1, column 1: tag "explode" not found'],
    ['{{ title }}', 'undefined variable: title'],
  ])('such as %j is found at load, with its line', (template, complaint) => {
    expect(complaintAbout(template)).toContain(complaint);
  });

  it.each([
    '{"a": {{ alert.title }}}',
    '{"a": "{{ alert.title | json }}"}',
    '{"a": 1',
    '{"a": {{ alert.severity }} }',
    '{"a": "{{ alert }}"}',
  ])('that makes %s no JSON is found at load', (template) => {
    expect(complaintAbout(template, json)).toContain('is not JSON: is every text in quotes?');
  });

  it('that shows with some alerts only is told then', () => {
    const write = compileTemplate(
      '{"a": {{ alert.count | default: 0 }}{% if alert.title == "x" %},{% endif %}}',
      json,
      'alert',
    );
    expect(() => write(sampleDelivery({ alert: sampleAlert({ title: 'x' }) }))).toThrow('is not JSON');
  });
});

describe('a template cannot', () => {
  it.each([
    '{{ alert.constructor }}',
    '{{ alert.__proto__ }}',
    '{{ alert.title.constructor }}',
    '{{ alert["constructor"]["constructor"] }}',
    '{{ alert.toString }}',
    '{{ constructor.constructor }}',
    '{{ process.env }}',
    '{{ globalThis }}',
  ])('reach beyond the alert: %s', (template) => {
    expect(complaintAbout(template)).toContain('undefined variable');
  });

  it.each([
    '{% include "/etc/passwd" %}',
    '{% render "/etc/passwd" %}',
    '{% layout "/etc/passwd" %}',
    '{% include alert.title %}',
  ])('read a file: %s', (template) => {
    expect(complaintAbout(template)).toMatch(/tag "\w+" not found/);
  });

  it.each(['where', 'reject', 'group_by', 'has', 'find', 'find_index'])(
    'take a text for an expression: %s_exp',
    (filter) => {
      expect(complaintAbout(`{{ alert.resources | ${filter}_exp: "one", alert.title }}`)).toContain(
        `undefined filter: ${filter}_exp`,
      );
    },
  );

  it.each(['raw', 'sample', 'inspect'])('use %s', (filter) => {
    expect(complaintAbout(`{{ alert.title | ${filter} }}`)).toContain(`undefined filter: ${filter}`);
  });

  it('go on for ever', () => {
    expect(complaintAbout('{% for i in (1..100000000) %}x{% endfor %}')).toContain('memory alloc limit exceeded');
    expect(
      complaintAbout(
        '{% for i in (1..9000) %}{% for j in (1..9000) %}{% for k in (1..9000) %}{% endfor %}{% endfor %}{% endfor %}',
      ),
    ).toMatch(/limit exceeded/);
  });

  it('be of any length', () => {
    expect(complaintAbout('x'.repeat(70_000))).toContain('parse length limit exceeded');
  });
});
