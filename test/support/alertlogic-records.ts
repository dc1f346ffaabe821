import { gzipSync } from 'node:zlib';
import { chunked, request } from './alertlogic-packets.js';

/** The records of an account that is made up: what the stand-in has, and the docs show. */

export const accountId = '134310777';

/** An upload that was tried sixteen times, with an id of its own. */
export const uploadId = '6A71E0C4-0B1D-11F1-9C55-0A58A9FEAC02';

/** As the JQ template `.` posts it and the API returns it. */
export function incident(more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  const createTime = Number(more['createTime'] ?? 1_771_238_400);
  const created = new Date(createTime * 1_000).toISOString().replace('Z', '000+00:00');
  return {
    accountId,
    incidentId: uploadId,
    humanFriendlyId: 'k4w9tz',
    createTime,
    createtime_str: created,
    updateTime: createTime,
    updatetime_str: created,
    customer: 'Northwind Ledger',
    customer_status: { status: 'open', status_change_time: created },
    incident: {
      summary: 'Attempted upload of a web shell from 198.51.100.23',
      description:
        '**Attack Detail**: a PHP file was posted to the import page.\n\n**Remediation Recommendation:**\nCheck the import folder.',
      threatRating: 'Medium',
      attackClassId_str: 'application-attack',
      escalated: false,
    },
    attacker: { ip: '198.51.100.23' },
    victim: { ip: '10.20.0.9' },
    detection_source: 'Network IDS',
    mitre_classification: [{ tactic: 'TA0001', technique: 'T1190' }],
    associatedEventCount: 16,
    ...more,
  };
}

const rule =
  'alert tcp $EXTERNAL_NET any -> $HTTP_SERVERS $HTTP_PORTS (msg:"WEB Ledger import upload"; content:"|3c|?php"; ' +
  'classtype:web-application-attack; sid:2041177; rev:3;)';

/** One attempt: a request with a credential in it, and what the server answered. */
export function attempt(eventId: number, code: 200 | 403): Readonly<Record<string, unknown>> {
  const form = `user=importer&password=letmein-${String(eventId)}&file=shell.php`;
  const asked = request(
    [
      'POST /import/run.php?step=2 HTTP/1.1',
      'Host: example.net',
      `Content-Length: ${String(form.length)}`,
      'Content-Type: application/x-www-form-urlencoded',
    ],
    form,
  );
  const page = `<html>${code === 200 ? 'imported' : 'no'}</html>`;
  const answered = request(
    [
      `HTTP/1.1 ${String(code)} ${code === 200 ? 'OK' : 'Forbidden'}`,
      'Content-Encoding: gzip',
      'Transfer-Encoding: chunked',
    ],
    chunked(gzipSync(page), 16),
  );
  return {
    event_id: eventId,
    sig_id: 771204,
    proto: 6,
    ts: 1_771_238_400 + eventId,
    __appliance_name: 'sensor-lisbon-2',
    id: { account: accountId, aid: '0', msgid: `MSG-${String(eventId)}` },
    __protoFacets: {
      src: ['198.51.100.23'],
      srcport: ['51812'],
      dst: ['10.20.0.9'],
      dstport: ['80'],
      protocols: ['tcp'],
    },
    __snortInfo: { al_id: '771204', raw: rule, snort_msg: 'WEB Ledger import upload' },
    grades: { kbd_severity: 50, kbd_confidence: 60 },
    application_payload: [asked.toString('base64'), answered.toString('base64')],
  };
}

/** Fourteen were refused, two succeeded. */
export const attempts = Array.from({ length: 16 }, (_, index) =>
  attempt(14_600 + index, index === 3 || index === 11 ? 200 : 403),
);
