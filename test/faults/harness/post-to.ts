import { alertOf, type Report } from './report.js';
import type { Scene } from './scene.js';

/** Posts one report to a source beside the client's own; the status. Noted as sent, and not as answered. */
export async function postTo(scene: Scene, source: string, token: string, report: Report): Promise<number> {
  scene.client.noteSent([report]);
  const answer = await fetch(`${scene.router.ingest}/v1/ingest/${source}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({ alerts: [alertOf(report)] }),
  });
  await answer.arrayBuffer();
  return answer.status;
}
