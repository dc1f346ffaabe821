/** A record as the vendor sends it. */
export type VendorRecord = Readonly<Record<string, unknown>>;

/** What a stand-in has. Agents, alerts and logs have the shape of the version that is asked. */
export type ThreatStackRecords = {
  readonly agents: readonly VendorRecord[];
  readonly alerts: readonly VendorRecord[];
  /** The audit log. */
  readonly logs: readonly VendorRecord[];
  readonly organizations: readonly VendorRecord[];
  /** By the organization's id. */
  readonly users: Readonly<Record<string, readonly VendorRecord[]>>;
  readonly policies: readonly VendorRecord[];
  /** By the alert's id. */
  readonly events: Readonly<Record<string, readonly VendorRecord[]>>;
  readonly rulesets: readonly VendorRecord[];
  readonly rules: readonly VendorRecord[];
  readonly cves: readonly VendorRecord[];
  readonly servers: readonly VendorRecord[];
  readonly suppressions: readonly VendorRecord[];
};

/** An organization that bakes bread, as API v1 has it. */
export const bakeryV1 = {
  agents: [
    {
      id: '65b0c0ffee00000000000001',
      agent_id: 'org-1-7b1a2c30-oven-1',
      hostname: 'oven-1.bakery.example',
      ip_address: '10.30.0.11',
      name: 'noble',
      status: 'active',
      online: true,
      created_at: '2026-01-10T08:00:00.000Z',
    },
    {
      id: '65b0c0ffee00000000000002',
      hostname: 'till-2.bakery.example',
      ip_address: '10.30.0.12',
      status: 'active',
      online: false,
      created_at: '2026-01-11T08:00:00.000Z',
    },
    {
      id: '65b0c0ffee00000000000003',
      hostname: 'shop-3.bakery.example',
      ip_address: '10.30.0.13',
      status: 'active',
      online: true,
      created_at: '2026-01-12T08:00:00.000Z',
    },
  ],
  alerts: [
    {
      id: '65c1a1e27000000000000001',
      title: 'Shell opened by www-data',
      type: 'rule',
      severity: 1,
      count: 3,
      active: true,
      dismissed: false,
      created_at: Date.UTC(2026, 1, 3, 9, 26, 31, 604),
      last_updated_at: '2026-02-03T09:28:00.000Z',
      agent_id: '65b0c0ffee00000000000001',
      rule_id: '65d2b2f38000000000000001',
      rule: {
        id: '65d2b2f38000000000000001',
        name: 'Shell by a service user (bakery)',
        original_rule: { id: '65d2b2f38000000000000000', name: 'Shell by a service user' },
      },
      latest_events: [{ event_type: 'audit', user: 'www-data', exe: '/bin/bash', type: 'start' }],
    },
    {
      id: '65c1a1e27000000000000002',
      title: 'CloudTrail Activity: security group opened by lina',
      type: 'cloudtrail',
      severity: 2,
      active: true,
      dismissed: false,
      created_at: Date.UTC(2026, 1, 4, 11, 0, 0),
      rule: { name: 'Security group changes', original_rule: { name: 'Security group changes' } },
      latest_events: [{ userIdentity: { userName: 'lina', accountId: '111122223333' } }],
    },
    {
      id: '65c1a1e27000000000000003',
      title: 'File changed in /etc',
      severity: 3,
      active: false,
      dismissed: true,
      created_at: Date.UTC(2026, 1, 5, 12, 0, 0),
      agent_id: '65b0c0ffee00000000000002',
    },
  ],
  logs: [
    { timestamp: Date.UTC(2026, 1, 3), user: 'Lina Ofen', source: 'rule:update', description: 'Rule changed' },
    { timestamp: Date.UTC(2026, 1, 4), user: 'Lina Ofen', source: 'user:login', description: 'Logged in' },
  ],
  organizations: [{ id: 'org-1', name: 'The Bakery', role: 'owner' }],
  users: {
    'org-1': [
      {
        id: 'user-1',
        display_name: 'Lina Ofen',
        email: 'lina@bakery.example',
        role: 'owner',
        organization_id: 'org-1',
      },
    ],
  },
  policies: [
    { id: '65e3c3049000000000000001', name: 'Ovens', enabled: true, agent_count: 1 },
    { id: '65e3c3049000000000000002', name: 'Tills', enabled: true, agent_count: 2 },
  ],
} as const;

/** The same organization as API v2 has it. */
export const bakeryV2 = {
  agents: [
    {
      id: '3c9f0a10-02c1-11f1-8de9-0242ac120001',
      status: 'online',
      hostname: 'oven-1.bakery.example',
      ipAddresses: { private: ['10.30.0.11'], link_local: [], public: [] },
      createdAt: '2026-01-10T08:00:00.000Z',
      agentType: 'monitor',
    },
    {
      id: '3c9f0a10-02c1-11f1-8de9-0242ac120002',
      status: 'offline',
      hostname: 'till-2.bakery.example',
      createdAt: '2026-01-11T08:00:00.000Z',
    },
  ],
  alerts: [
    {
      id: '5ed1b2c0-02c2-11f1-9c3e-0242ac120001',
      title: 'Shell opened by www-data',
      dataSource: 'agent',
      createdAt: '2026-02-03T09:26:31.604Z',
      isDismissed: false,
      dismissedAt: null,
      severity: 1,
      agentId: '3c9f0a10-02c1-11f1-8de9-0242ac120001',
      ruleId: '7a11b0de-4444-4555-8666-0000000000a1',
      rulesetId: '0bb0c0de-7777-4888-8999-0000000000b1',
      aggregates: [{ fieldName: 'user' }],
    },
    {
      id: '5ed1b2c0-02c2-11f1-9c3e-0242ac120002',
      title: 'CloudTrail Activity: security group opened by lina',
      dataSource: 'cloudtrail',
      createdAt: '2026-02-04T11:00:00.000Z',
      isDismissed: false,
      severity: 2,
      ruleId: '7a11b0de-4444-4555-8666-0000000000a2',
      rulesetId: '0bb0c0de-7777-4888-8999-0000000000b1',
    },
    {
      id: '5ed1b2c0-02c2-11f1-9c3e-0242ac120003',
      title: 'File changed in /etc',
      dataSource: 'agent',
      createdAt: '2026-02-05T12:00:00.000Z',
      isDismissed: true,
      dismissedAt: '2026-02-05T12:30:00.000Z',
      dismissReason: 'MAINTENANCE',
      dismissReasonText: 'new certificates',
      dismissedBy: 'user-1',
      severity: 3,
      agentId: '3c9f0a10-02c1-11f1-8de9-0242ac120002',
      ruleId: '7a11b0de-4444-4555-8666-0000000000a3',
      rulesetId: '0bb0c0de-7777-4888-8999-0000000000b1',
    },
  ],
  logs: [
    { id: 'l-1', userEmail: 'lina@bakery.example', action: 'login', eventTime: '2026-02-03T08:00:00.000Z' },
    { id: 'l-2', userEmail: 'lina@bakery.example', action: 'update', eventTime: '2026-02-03T08:05:00.000Z' },
    { id: 'l-3', userEmail: 'lina@bakery.example', action: 'logout', eventTime: '2026-02-03T08:09:00.000Z' },
  ],
  events: {
    '5ed1b2c0-02c2-11f1-9c3e-0242ac120001': [
      { _id: 'e-1', event_type: 'audit', user: 'www-data', timestamp: Date.UTC(2026, 1, 3, 9, 26, 31) },
      { _id: 'e-2', event_type: 'audit', user: 'www-data', timestamp: Date.UTC(2026, 1, 3, 9, 26, 40) },
      { _id: 'e-3', event_type: 'audit', user: 'www-data', timestamp: Date.UTC(2026, 1, 3, 9, 27, 2) },
    ],
  },
  rulesets: [
    {
      id: '0bb0c0de-7777-4888-8999-0000000000b1',
      name: 'Base',
      rules: ['7a11b0de-4444-4555-8666-0000000000a1', '7a11b0de-4444-4555-8666-0000000000a2'],
    },
  ],
  rules: [
    {
      id: '7a11b0de-4444-4555-8666-0000000000a1',
      rulesetId: '0bb0c0de-7777-4888-8999-0000000000b1',
      name: 'Shell by a service user',
      type: 'Host',
      severityOfAlerts: 1,
    },
    {
      id: '7a11b0de-4444-4555-8666-0000000000a2',
      rulesetId: '0bb0c0de-7777-4888-8999-0000000000b1',
      name: 'Security group changes',
      type: 'CloudTrail',
      severityOfAlerts: 2,
    },
  ],
  cves: [
    { cveNumber: 'CVE-2026-10001', reportedPackage: 'yeast 1.2', severity: 'high', isSuppressed: false },
    { cveNumber: 'CVE-2026-10002', reportedPackage: 'flour 4.0', severity: 'low', isSuppressed: false },
  ],
  servers: [{ instanceId: 'i-0a1b2c3d', hostname: 'oven-1.bakery.example' }],
  suppressions: [{ id: 's-1', cveNumber: 'CVE-2025-10009' }],
} as const;
