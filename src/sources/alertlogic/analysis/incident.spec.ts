import { describe, expect, it } from '@jest/globals';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { chunked, consolePage, request, tcpPacket } from '../../../../test/support/alertlogic-packets.js';
import { analyzeIncident } from './incident.js';

const rule =
  'alert tcp $EXTERNAL_NET any -> $HTTP_SERVERS $HTTP_PORTS (msg:"WEB Ledger \\"import\\" upload"; ' +
  'content:"|3c|?php"; classtype:web-application-attack; sid:2041177; rev:3;)';

const post = request(
  [
    'POST /import/run.php?step=2 HTTP/1.1',
    'X-Forwarded-Host: decoy.example',
    'Host: ledger.example.net:8443',
    'Content-Length: 12',
  ],
  'kind=invoice',
);
const refused = request(['HTTP/1.1 403 Forbidden', 'Content-Type: text/plain', 'Content-Length: 2'], 'no');

/** An associated event of IRIS, of an incident of this spec's own. */
function irisEvent(eventId: number | string, packets: readonly Buffer[], more: object = {}) {
  return {
    event_id: eventId,
    sig_id: 771204,
    proto: 6,
    ts: 1_771_238_400,
    ts_us: 250_000,
    __appliance_name: 'sensor-lisbon-2',
    id: { account: '134310777', aid: '0', msgid: 'MSG1' },
    __protoFacets: {
      src: ['198.51.100.23'],
      srcport: ['51812'],
      dst: ['10.20.0.9'],
      dstport: ['8443'],
      protocols: ['TCP'],
    },
    __snortInfo: {
      al_id: '771204',
      raw: rule,
      snort_msg: 'WEB Ledger import upload',
      src_port: 'any',
      src_ip: '$EXTERNAL_NET',
    },
    grades: { kbd_severity: 50, kbd_confidence: 40 },
    application_payload: packets.map((packet) => packet.toString('base64')),
    ...more,
  };
}

function analyzed(...packets: readonly Buffer[]) {
  return eventOf(irisEvent(501, packets));
}

function eventOf(event: Readonly<Record<string, unknown>>, options = {}) {
  const [first] = Object.values(analyzeIncident({}, [event], options).events);
  if (first === undefined) throw new Error('no event');
  return first;
}

const requestOf = (...packets: readonly Buffer[]) => analyzed(...packets).event_payload.packet_details.request_packet;
const responseOf = (...packets: readonly Buffer[]) => analyzed(...packets).event_payload.packet_details.response_packet;

describe('an associated event of IRIS', () => {
  it('has every field of the table', () => {
    const page = '<html>the page</html>';
    const answer = request(
      ['HTTP/1.1 200 OK', 'Content-Encoding: gzip', 'Transfer-Encoding: chunked'],
      chunked(gzipSync(page), 7),
    );
    expect(analyzed(post, answer)).toEqual({
      event_id: 501,
      event_url:
        'https://console.clouddefender.alertlogic.com/embedded/event.php?id=501&customer_id=134310777&screen=event_monitor&filter_id=0',
      event_details: {
        source_addr: '198.51.100.23',
        source_port: '51812',
        dest_addr: '10.20.0.9',
        dest_port: '8443',
        signature_name: 'WEB Ledger import upload',
        sensor: 'sensor-lisbon-2',
        protocol: 'tcp',
        classification: 'web-application-attack',
        severity: '50',
        event_time: '2026-02-16T10:40:00.250Z',
      },
      signature_details: { sig_id: '771204', sig_rule: rule },
      event_payload: {
        packet_details: {
          request_packet: {
            restful_call: 'POST',
            protocol: 'HTTP/1.1',
            host: 'ledger.example.net:8443',
            resource: '/import/run.php?step=2',
            full_url: 'ledger.example.net:8443/import/run.php?step=2',
          },
          response_packet: { response_code: '200', response_message: 'OK' },
        },
        full_payload: expect.stringMatching(
          /^POST \/import[^]*kind=invoiceHTTP\/1\.1 200 OK[^]*chunked\r\n\r\n/,
        ) as unknown,
        decompressed: page,
      },
      quality: [],
    });
  });

  it('says less and loses nothing else', () => {
    const event = eventOf({
      event_id: '90071992547409931',
      dst: '10.20.0.9',
      __snortInfo: { raw: 'no snort info available', snort_msg: '' },
    });
    expect(event).toEqual({
      event_id: '90071992547409931',
      event_details: { dest_addr: '10.20.0.9' },
      signature_details: {},
      event_payload: { packet_details: { request_packet: {}, response_packet: {} }, full_payload: '' },
      quality: [],
    });
  });

  it('has the name of the signature from its rule, where nothing else tells it', () => {
    const event = eventOf(irisEvent(1, [], { __snortInfo: { raw: rule }, sig_id: undefined }));
    expect(event.event_details.signature_name).toBe('WEB Ledger "import" upload');
    expect(event.signature_details.sig_id).toBe('2041177');
  });

  it('has what the vendor unpacked, where the packets do not show it', () => {
    const unpacked = [
      {
        header: 'GET /export HTTP/1.1\r\nHost: ledger.example.net\r\n\r\n',
        value: '',
        order: [{ number: 1, packet: 1, type: 'req' }],
      },
      {
        header: 'HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\n\r\n',
        value: Buffer.from('plain').toString('base64'),
      },
    ];
    const { event_payload } = eventOf(irisEvent(1, [], { __gzipDecode: unpacked }));
    expect(event_payload).toMatchObject({
      packet_details: { request_packet: { resource: '/export' }, response_packet: { response_code: '201' } },
      decompressed: 'plain',
    });
    const coded = [{ header: '', value: gzipSync('still packed').toString('base64') }];
    expect(eventOf(irisEvent(1, [], { __gzipDecode: coded })).event_payload.decompressed).toBe('still packed');
  });

  it('has the code that the vendor made out, and says so', () => {
    const facets = { responseCode: ['404'] };
    const event = eventOf(irisEvent(1, [post], { __protoFacets: facets }));
    expect(event.event_payload.packet_details.response_packet).toEqual({ response_code: '404' });
    expect(event.quality).toEqual(['response_by_vendor']);
  });
});

describe('a page of the older console', () => {
  const variables = {
    source_addr: '198.51.100.23',
    dest_addr: '10.20.0.9',
    source_port: '51812',
    dest_port: '8443',
    signature_name: "WEB Ledger's upload",
    sensor: '',
    protocol: 'tcp',
    classification: 'web-application-attack',
    severity: '50',
  };
  const page = (more: object = {}) => ({
    kind: 'event-page' as const,
    eventId: 88213,
    customerId: 4711,
    html: consolePage({
      variables,
      signatureId: '771204',
      rule,
      engineTime: '2026-02-16 10:40:00 GMT',
      packets: [post, refused],
      ...more,
    }),
  });
  const read = (more: object = {}) => {
    const [event] = Object.values(analyzeIncident({}, [page(more)]).events);
    if (event === undefined) throw new Error('no event');
    return event;
  };

  it('gives eight values when the ninth is empty', () => {
    expect(read().event_details).toEqual({
      source_addr: '198.51.100.23',
      dest_addr: '10.20.0.9',
      source_port: '51812',
      dest_port: '8443',
      signature_name: "WEB Ledger's upload",
      protocol: 'tcp',
      classification: 'web-application-attack',
      severity: '50',
      event_time: '2026-02-16 10:40:00 GMT',
    });
  });

  it('gives request, response, rule and link', () => {
    const event = read();
    expect(event.event_id).toBe(88213);
    expect(event.event_url).toContain('event.php?id=88213&customer_id=4711&');
    expect(event.signature_details).toEqual({ sig_id: '771204', sig_rule: rule });
    expect(event.event_payload.packet_details).toEqual({
      request_packet: {
        restful_call: 'POST',
        protocol: 'HTTP/1.1',
        host: 'ledger.example.net:8443',
        resource: '/import/run.php?step=2',
        full_url: 'ledger.example.net:8443/import/run.php?step=2',
      },
      response_packet: { response_code: '403', response_message: 'Forbidden' },
    });
    expect(event.event_payload.full_payload).not.toContain('NOPE');
  });

  it('has its rule from the page of the signature', () => {
    const signatureHtml =
      '<table><tr><th>Signature Content</th><td class="x">alert ip any any -&gt; any any (msg:&quot;a&quot;;<br />sid:9;)</td></tr></table>';
    const analysis = analyzeIncident({}, [{ ...page({ rule: undefined }), signatureHtml }]);
    expect(analysis.events['88213']?.signature_details.sig_rule).toBe('alert ip any any -> any any (msg:"a";sid:9;)');
  });

  it('in upper case, with three digits in a group, a tab and two spaces is read', () => {
    const html =
      '<td>Signature: </td>\n0x0000:  4745 5420 2F61 2048 5454 502F 312E 310D\tGET./a.HTTP/1.1.\n0x0010: 0a48 6f73 743 zz\n0x0020: 0d0a\n';
    const analysis = analyzeIncident({}, [{ kind: 'event-page', eventId: 1, html }]);
    expect(analysis.events['1']?.event_payload.packet_details.request_packet).toMatchObject({
      restful_call: 'GET',
      resource: '/a',
    });
  });
});

describe('a request', () => {
  it.each([
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'DELETE',
    'CONNECT',
    'OPTIONS',
    'TRACE',
    'PATCH',
    'PROPFIND',
    'VERSION-CONTROL',
    'M-SEARCH',
    'BREW',
  ])('with %s is one', (verb) => {
    expect(requestOf(request([`${verb} /pot HTTP/1.1`, 'Host: a.example'])).restful_call).toBe(verb);
  });

  it('keeps the port of its host', () => {
    expect(requestOf(request(['GET / HTTP/1.1', 'hOST:   [2001:db8::7]:8080'])).host).toBe('[2001:db8::7]:8080');
  });

  it('has its host and resource in one, as proxies are asked', () => {
    expect(requestOf(request(['GET http://u:pw@shop.example:81/a?b=1 HTTP/1.1', 'Host: other.example']))).toMatchObject(
      {
        host: 'shop.example:81',
        full_url: 'shop.example:81/a?b=1',
      },
    );
    expect(requestOf(request(['CONNECT db.example:5432 HTTP/1.1']))).toMatchObject({
      host: 'db.example:5432',
      full_url: 'db.example:5432',
    });
  });

  it('in the body of another is none, nor is a verb in a text', () => {
    const smuggled = 'GET /inner HTTP/1.1\r\nHost: inner.example\r\n\r\n';
    const outer = request(
      ['DELETE /outer HTTP/1.1', 'Host: outer.example', `Content-Length: ${smuggled.length}`],
      smuggled,
    );
    expect(requestOf(outer)).toMatchObject({ restful_call: 'DELETE', host: 'outer.example' });
    expect(requestOf(Buffer.from('please POST this letter\nand PUT it away\n'))).toEqual({});
  });

  it('whose line was cut off is still told', () => {
    expect(requestOf(Buffer.from(`GET /${'A'.repeat(3_000)}`))).toMatchObject({ restful_call: 'GET' });
  });

  it('from another packet than its response may end without a line break', () => {
    expect(
      responseOf(request(['POST /a HTTP/1.1', 'Host: a.example', 'Content-Length: 999'], 'x=1'), refused).response_code,
    ).toBe('403');
  });
});

describe('a response', () => {
  it('is the final one', () => {
    expect(responseOf(post, request(['HTTP/1.1 100 Continue']), refused)).toEqual({
      response_code: '403',
      response_message: 'Forbidden',
    });
  });

  it('may have no words', () => {
    expect(responseOf(post, Buffer.from('HTTP/2 204\r\n\r\n'))).toEqual({ response_code: '204' });
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['gzip, br', (body: Buffer) => brotliCompressSync(gzipSync(body))],
  ] as const)('in %s is unpacked', (coding, pack) => {
    const body = Buffer.from('the ledger of 2025 '.repeat(40));
    for (const sent of [pack(body), chunked(pack(body), 11)]) {
      const isChunked = sent.length > pack(body).length;
      const headers = [
        'HTTP/1.1 200 OK',
        `Content-Encoding: ${coding}`,
        ...(isChunked ? ['Transfer-Encoding: chunked'] : []),
      ];
      const { event_payload, quality } = analyzed(post, request(headers, sent));
      expect(event_payload.decompressed).toBe(body.toString());
      expect(quality).toEqual([]);
    }
  });

  it('after another is unpacked, too', () => {
    const answer = (body: string) => {
      const packed = gzipSync(body);
      return request(['HTTP/1.1 200 OK', 'Content-Encoding: gzip', `Content-Length: ${packed.length}`], packed);
    };
    expect(analyzed(post, answer('first'), post, answer('second')).event_payload.decompressed).toBe('first\n\nsecond');
  });

  it('that was cut off gives what is there', () => {
    const text = Array.from({ length: 3_000 }, (_, i) => `line ${(i * 7919) % 3_001}`).join('\n');
    const packed = gzipSync(text);
    const { event_payload, quality } = analyzed(
      request(
        ['HTTP/1.1 200 OK', 'Content-Encoding: gzip', `Content-Length: ${packed.length}`],
        packed.subarray(0, 4_000),
      ),
    );
    expect(text.startsWith(event_payload.decompressed ?? '?')).toBe(true);
    expect(event_payload.decompressed?.length).toBeGreaterThan(1_000);
    expect(quality).toEqual(['decompressed_partial']);
  });

  it('with a damaged middle gives what comes before', () => {
    const packed = gzipSync(Buffer.from('a page of the ledger, '.repeat(20_000)));
    packed.fill(0xff, packed.length - 30, packed.length - 10);
    const { event_payload } = analyzed(request(['HTTP/1.1 200 OK', 'Content-Encoding: gzip'], packed));
    expect(event_payload.decompressed?.startsWith('a page of the ledger, a page')).toBe(true);
  });

  it('without its head is found by its first bytes', () => {
    expect(analyzed(Buffer.concat([Buffer.from('…tail'), gzipSync('found')])).event_payload.decompressed).toBe('found');
  });
});

describe('packets', () => {
  const there = { from: ['198.51.100.23', 51812], to: ['10.20.0.9', 8443] } as const;
  const back = { from: there.to, to: there.from };
  const near = 0xffff_fff0;

  it('with their headers are put together by sequence, sent again and out of order as they may be', () => {
    const [first, second] = [post.subarray(0, 40), post.subarray(40)];
    const raw = [
      tcpPacket(there, near + 40, second),
      tcpPacket(there, near, first),
      tcpPacket(back, 9_000, refused),
      tcpPacket(there, near + 20, post.subarray(20, 60)),
      tcpPacket(there, near, first),
    ];
    const event = eventOf({ event_id: 3, payload: raw.map((packet) => packet.toString('base64')) });
    expect(event.event_details).toEqual({
      source_addr: '198.51.100.23',
      source_port: '51812',
      dest_addr: '10.20.0.9',
      dest_port: '8443',
      protocol: 'tcp',
    });
    expect(event.event_payload.packet_details).toMatchObject({
      request_packet: { full_url: 'ledger.example.net:8443/import/run.php?step=2' },
      response_packet: { response_code: '403' },
    });
    expect(event.event_payload.full_payload).toBe(`${post.toString()}${refused.toString()}`);
  });

  it('may have Ethernet before them', () => {
    const frame = Buffer.concat([Buffer.alloc(12, 1), Buffer.from([8, 0]), tcpPacket(there, 1, post)]);
    expect(eventOf({ event_id: 3, payload: [frame.toString('base64')] }).event_payload.full_payload).toBe(
      post.toString(),
    );
  });
});

describe('credentials in payloads', () => {
  const secret = 'hunter2-canary';
  const captured = request(
    [
      `POST /login?next=/a&access_token=${secret}&page=2 HTTP/1.1`,
      'Host: ledger.example.net',
      `Authorization: Digest username="root", response="${secret}"`,
      `Cookie: session=${secret}; theme=dark`,
      `X-Ledger-Token: ${secret}`,
      `Referer: https://root:${secret}@ledger.example.net/`,
    ],
    `user=root&user_password=${secret}&lang=en`,
  );
  const bodies = [
    `{"user": "root", "newPassword" : "${secret} \\" ${secret}", "n": 1}`,
    `--b\r\nContent-Disposition: form-data; name="pwd"\r\n\r\n${secret}\r\n--b--`,
    `<wsse:Password Type="t">${secret}</wsse:Password>`,
    `-----BEGIN RSA PRIVATE KEY-----\n${secret}\n`,
  ];

  it('are replaced, and nothing else is', () => {
    const answers = bodies.map((body) => request(['HTTP/1.1 200 OK', 'Content-Encoding: gzip'], gzipSync(body)));
    const event = analyzed(captured, ...answers);
    expect(JSON.stringify(event)).not.toContain(secret);
    expect(event.event_payload.full_payload).toContain('next=/a&access_token=[secret]&page=2');
    expect(event.event_payload.full_payload).toContain(
      'Authorization: [secret]\r\nCookie: [secret]\r\nX-Ledger-Token: [secret]\r\n',
    );
    expect(event.event_payload.packet_details.request_packet.resource).toBe(
      '/login?next=/a&access_token=[secret]&page=2',
    );
    expect(event.event_payload.decompressed).toContain('"user": "root", "newPassword" : [secret], "n": 1');
  });

  it('stay where that is asked for', () => {
    const event = eventOf(irisEvent(1, [captured]), { redact: false });
    expect(event.event_payload.full_payload).toBe(captured.toString());
  });
});

describe('an incident', () => {
  const incident = {
    incidentId: '6a71e0c4-0b1d-11f1-9c55-0a58a9feac02',
    accountId: 134310777,
    incident: { summary: 'Upload' },
  };
  const to = (host: string, code: string, id: number, more = {}) =>
    irisEvent(id, [request(['GET /a HTTP/1.1', `Host: ${host}`]), Buffer.from(`HTTP/1.1 ${code} X\r\n\r\n`)], more);

  it('rolls its events up', () => {
    const other = { __snortInfo: { snort_msg: '__proto__', raw: rule } };
    const analysis = analyzeIncident(incident, [
      to('example.net', '200', 14),
      to('EXAMPLE.net', '403', 15),
      to('example.net:8080', '403', 16, other),
      to('example.net', '403', 15),
      irisEvent(17, []),
    ]);
    expect(analysis).toMatchObject({
      incident_id: incident.incidentId,
      customer_id: '134310777',
      incident_details: incident,
    });
    expect(JSON.parse(JSON.stringify(analysis.events_summary))).toEqual({
      summary_breakdown: JSON.parse(
        '{"WEB Ledger import upload":{"example.net":{"200":[14],"403":[15]},"none_parsed":{"none_parsed":[17]}},' +
          '"__proto__":{"example.net:8080":{"403":[16]}}}',
      ) as unknown,
      event_summary: {
        unique_signatures: JSON.parse('{"WEB Ledger import upload":[14,15,17],"__proto__":[16]}') as unknown,
        unique_hosts: { 'example.net': [14, 15], 'example.net:8080': [16], none_parsed: [17] },
        response_code_tally: { '200': [14], '403': [15, 16], none_parsed: [17] },
      },
    });
    expect(Object.keys(analysis.events)).toEqual(['14', '15', '16', '17']);
  });

  const times = (count: number, code: string, host = 'example.net', from = 0) =>
    Array.from({ length: count }, (_, i) => to(host, code, from + i + 1));

  it.each([
    [
      '14 of 16 attempts were refused (403), 2 succeeded (200) on example.net',
      [...times(14, '403'), ...times(2, '200', 'example.net', 20)],
    ],
    ['All 3 attempts were refused (403) on example.net', times(3, '403')],
    ['The only attempt succeeded (200) on example.net', times(1, '200')],
    [
      '2 of 5 attempts found nothing (404), 1 was redirected (302), 1 ended in a server error (500), 1 succeeded (204) on b.example',
      [
        ...times(1, '204', 'b.example'),
        ...times(2, '404', 'a.example', 5),
        ...times(1, '302', 'a.example', 10),
        ...times(1, '500', 'a.example', 20),
      ],
    ],
    ['1 of 2 attempts was refused (401), 1 shows no answer on example.net', [...times(1, '401'), irisEvent(9, [])]],
    [
      '2 of 2 attempts were refused (401, 403) on example.net'.replace('2 of 2', 'All 2'),
      [...times(1, '403'), ...times(1, '401', 'example.net', 4)],
    ],
    [
      'All 4 attempts were refused (403) on 4 hosts',
      ['a', 'b', 'c', 'd'].flatMap((host, i) => times(1, '403', host, i)),
    ],
    ['No events: nothing is known of what came of the attempts', []],
  ])('says in a line: %s', (line, events) => {
    expect(analyzeIncident(incident, events).verdict).toBe(line);
  });
});
