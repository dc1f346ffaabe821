import { describe, expect } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { fault } from './harness/fault.js';
import { askAdmin } from './harness/invariant.js';
import { sourceToken } from './harness/ledger-client.js';
import { exchange, headOf, statusOf } from './harness/raw.js';
import { alertOf, newFinding, reportOf } from './harness/report.js';
import type { Scene } from './harness/scene.js';

type SourceCounts = {
  readonly items: readonly { readonly name: string; readonly counts: { readonly requests: number } }[];
};

/** How many requests each source has in the journal. */
async function keptOf(scene: Scene): Promise<Record<string, number>> {
  const { items } = await askAdmin<SourceCounts>(scene.router, '/api/v1/sources');
  return Object.fromEntries(items.map(({ name, counts }) => [name, counts.requests]));
}

const otherToken = 'SEKRET_other';
const signingSecrets = ['first', 'second'].map(
  (word) => `whsec_${Buffer.from(word.padEnd(24, '.')).toString('base64')}`,
);
const twoSources = {
  vendor: { type: 'threatstack', auth: { type: 'bearer', secret: sourceToken } },
  other: { type: 'threatstack', auth: { type: 'bearer', secret: otherToken } },
};

describe('a credential', () => {
  fault(
    {
      number: 68,
      title: 'that is missing or wrong',
      fault: 'none, a wrong, empty, huge or non-ASCII one, that of another source, two at once, one in the query',
      expected: '401, always the same body; nothing kept, counted, few log lines; each source knows its own alone',
    },
    async (scene) => {
      const router = await scene.start({ config: { sources: twoSources } });
      const length = 'Content-Length: 2';
      const withAuthorization = (...values: readonly string[]): string =>
        [
          'POST /v1/ingest/vendor HTTP/1.1',
          'Host: a',
          'Connection: close',
          ...values.map((v) => `Authorization: ${v}`),
          length,
          '',
          '{}',
        ].join('\r\n');
      const wrong = [
        withAuthorization(),
        withAuthorization(''),
        withAuthorization('Bearer'),
        withAuthorization('Bearer wrong'),
        withAuthorization(`Bearer ${sourceToken}x`),
        withAuthorization(`Bearer ${'x'.repeat(12_000)}`),
        withAuthorization('Bearer schlüssel🚨'),
        withAuthorization(`Bearer ${otherToken}`),
        withAuthorization(`Basic ${Buffer.from(`a:${sourceToken}`).toString('base64')}`),
        withAuthorization(`Bearer ${sourceToken}`, 'Bearer x'),
        withAuthorization('Bearer x', `Bearer ${sourceToken}`),
        withAuthorization().replace('/vendor', `/vendor?token=${sourceToken}`),
      ];
      const answers: string[] = [];
      for (const request of wrong) answers.push(await exchange(router, Buffer.from(request, 'utf8')));
      expect(answers.map(statusOf)).toEqual(wrong.map(() => 401));
      expect(new Set(answers.map((answer) => answer.split('\r\n\r\n')[1])).size).toBe(1);
      // What is larger than any header may be is refused by the parser, before anybody looks.
      expect(statusOf(await exchange(router, withAuthorization(`Bearer ${'x'.repeat(1_000_000)}`)))).toBe(431);
      expect(await keptOf(scene)).toMatchObject({ vendor: 0, other: 0 });

      const metrics = await (await fetch(`${router.admin}/metrics`)).text();
      expect(metrics).toContain(`signalbox_requests_refused_total{source="vendor",status="401"} ${wrong.length}`);
      // Ten lines a second at most: these took more than one second only on a very slow machine.
      for (let i = 0; i < 200; i += 1) await exchange(router, withAuthorization('Bearer wrong'));
      const lines = router.output.split('\n').filter((line) => line.includes('"msg":"refused"')).length;
      expect(lines).toBeLessThan(200);
      expect(router.output).not.toContain('SEKRET');

      expect(await scene.client.post()).toBe(202);
      const lower = headOf([`Content-Length: 2`, 'Connection: close']).replace('Bearer', 'bEARER');
      expect(statusOf(await exchange(router, lower, '{}'))).toBe(202);
    },
  );

  fault(
    {
      number: 70,
      title: 'that is a signature, replayed or altered',
      fault:
        'the same signed request again, late, early; another body, another order of keys; several signatures; none',
      expected: 'within five minutes a duplicate and no second alert; after it, altered or without a header 401',
    },
    async (scene) => {
      const sink = await scene.sink();
      await scene.start({
        config: {
          sources: { vendor: { type: 'threatstack', auth: { type: 'standard-webhooks', secret: signingSecrets } } },
        },
      });
      const signed = (body: string, { at = Date.now(), id = 'msg.1', secret = signingSecrets[0] ?? '' } = {}) => ({
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at / 1_000)),
        'webhook-signature': new Webhook(secret).sign(id, new Date(at), body),
      });
      const report = reportOf(newFinding());
      const body = JSON.stringify({ alerts: [alertOf(report)] });
      const send = (sent: string, headers: Record<string, string>) =>
        scene.client.postBody([report], { body: sent, headers: { ...headers, authorization: '' } });
      const headers = signed(body);
      for (let i = 0; i < 3; i += 1) expect(await send(body, headers)).toBe(202);
      expect(new Set(scene.client.acked().map(({ id }) => id)).size).toBe(1);

      const minute = 60_000;
      for (const at of [-6, 6]) expect(await send(body, signed(body, { at: Date.now() + at * minute }))).toBe(401);
      expect(await send(`${body} `, headers)).toBe(401);
      const reordered = JSON.stringify({ alerts: [Object.fromEntries(Object.entries(alertOf(report)).reverse())] });
      expect(await send(reordered, headers)).toBe(401);
      expect(await send(body, { ...headers, 'webhook-id': 'msg.2' })).toBe(401);
      for (const name of Object.keys(headers)) expect(await send(body, { ...headers, [name]: '' })).toBe(401);

      const second = signed(body, { secret: signingSecrets[1] ?? '' });
      expect(await send(body, second)).toBe(202);
      const several = `v1,${'A'.repeat(43)}= ${headers['webhook-signature']} v2,x`;
      expect(await send(body, { ...headers, 'webhook-signature': several })).toBe(202);
      await scene.until(() => sink.received().length > 0);
      expect(await scene.account()).toMatchObject({ sinks: { pager: { received: 1, duplicates: 0 } } });
    },
  );
});

describe('a request', () => {
  fault(
    {
      number: 72,
      title: 'that smuggles another',
      fault:
        'both lengths, two lengths, odd codings and spellings, a folded header, bare line feeds, an absolute URL, TRACE, forged X-Forwarded-For and Host',
      expected: '400 or 405 and the connection closed, the second request never runs; the address is the connection’s',
    },
    async (scene) => {
      const router = await scene.start();
      const hidden = headOf(['Content-Length: 2']) + '{}';
      const heads: Readonly<Record<string, readonly string[]>> = {
        'both lengths': ['Content-Length: 5', 'Transfer-Encoding: chunked'],
        'two lengths': ['Content-Length: 5', 'Content-Length: 6'],
        'another coding': ['Transfer-Encoding: xchunked'],
        'a list of codings': ['Transfer-Encoding: chunked, identity'],
        'a signed length': ['Content-Length: +5'],
        'a space before the colon': ['Content-Length : 5'],
        'a folded header': ['X-Folded: a', ' b', 'Transfer-Encoding : chunked'],
      };
      for (const [what, lines] of Object.entries(heads)) {
        const answer = await exchange(router, `${headOf(lines)}0\r\n\r\n${hidden}`);
        expect([what, ...[...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)]).toEqual([what, '400']);
      }
      expect(statusOf(await exchange(router, headOf(['Content-Length: 5']).replaceAll('\r\n', '\n') + hidden))).toBe(
        400,
      );
      expect(await keptOf(scene)).toMatchObject({ vendor: 0 });

      const trace = `TRACE /v1/ingest/vendor HTTP/1.1\r\nHost: a\r\n\r\n`;
      expect([404, 405]).toContain(statusOf(await exchange(router, trace)));
      const override = headOf(['Content-Length: 0', 'X-HTTP-Method-Override: POST']).replace('POST', 'GET');
      expect(statusOf(await exchange(router, override.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')))).toBe(405);
      const absolute = headOf(['Content-Length: 2', 'Connection: close'], 'http://elsewhere/v1/ingest/vendor');
      expect(statusOf(await exchange(router, absolute, '{}'))).toBe(404);
      expect(await keptOf(scene)).toMatchObject({ vendor: 0 });

      const report = reportOf(newFinding());
      const forged = { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' };
      const body = JSON.stringify({ alerts: [alertOf(report)] });
      expect(await scene.client.postBody([report], { body, headers: forged })).toBe(202);
      const id = scene.client.acked()[0]?.id ?? '';
      const { request } = await askAdmin<{ request: { remoteAddress: string } }>(router, `/api/v1/alerts/${id}`);
      expect(request.remoteAddress).toBe('127.0.0.1');
    },
  );
});
