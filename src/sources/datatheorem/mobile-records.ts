import { id } from '../../kit/read.js';
import type { DataTheorem, FindingTargetRecord } from './client/datatheorem.js';
import type { ApiRecord } from './client/records.js';

const maxKept = 1_000;

/** What targets refer to: their findings and apps, each asked for once. */
export class MobileRecords {
  readonly #kept = new Map<string, ApiRecord | undefined>();

  constructor(private readonly client: DataTheorem) {}

  /** The lists beside `targets`; without what the vendor does not have. */
  async of(
    targets: readonly FindingTargetRecord[],
    signal: AbortSignal,
  ): Promise<Readonly<Record<'security_findings' | 'mobile_apps', readonly ApiRecord[]>>> {
    const { securityFindings, mobileApps } = this.client;
    const finding = (known: string) => securityFindings.get(known, signal);
    const app = (known: string) => mobileApps.get(known, signal);
    return {
      security_findings: await this.#all(targets, 'security_finding_id', finding),
      mobile_apps: await this.#all(targets, 'mobile_app_id', app),
    };
  }

  async #all(
    targets: readonly FindingTargetRecord[],
    member: 'security_finding_id' | 'mobile_app_id',
    get: (known: string) => Promise<ApiRecord | undefined>,
  ): Promise<readonly ApiRecord[]> {
    const ids = new Set(targets.flatMap((target) => id(target[member]) ?? []));
    const records: ApiRecord[] = [];
    for (const known of ids) {
      const key = `${member} ${known}`;
      if (!this.#kept.has(key)) this.#keep(key, await get(known));
      const record = this.#kept.get(key);
      if (record) records.push(record);
    }
    return records;
  }

  #keep(key: string, record: ApiRecord | undefined): void {
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size >= maxKept) this.#kept.delete(oldest);
    this.#kept.set(key, record);
  }
}
