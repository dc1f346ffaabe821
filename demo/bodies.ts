import type { Records } from '../test/support/datatheorem-api.js';

/** One body as each vendor would post it, with times of now, since Datadog takes nothing older than 18 hours. */
export type VendorPost = {
  readonly vendor: string;
  readonly source: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
};

export function vendorPosts(
  now: Date,
  tokens: Readonly<Record<'threatStack' | 'dataTheorem' | 'alertLogic', string>>,
): VendorPost[] {
  const seconds = Math.floor(now.getTime() / 1_000);
  const hex = hexOf(now);
  return [
    {
      vendor: 'Threat Stack',
      source: 'threat-stack',
      headers: { authorization: `Bearer ${tokens.threatStack}` },
      body: {
        alerts: [
          {
            id: threatStackId(now),
            title: 'Netcat listener opened by deploy on web-17',
            created_at: now.getTime(),
            severity: 1,
            organization_id: threatStackOrganization,
            server_or_region: 'web-17.prod.example.net',
            source: 'Host',
          },
        ],
      },
    },
    {
      vendor: 'Data Theorem',
      source: 'data-theorem',
      headers: { authorization: `Bearer ${tokens.dataTheorem}` },
      body: {
        event: {
          type: 'API_SECURE__POLICY_VIOLATION_OPENED',
          version: 1,
          data: {
            uuid: violationId(now),
            affected_asset: {
              uuid: ids.asset,
              name: 'shop.example.com',
              type: 'RESTFUL_API',
              url: 'https://shop.example.com/v2',
              hosted_on: 'AMAZON_WEB_SERVICES',
              discovered_via: 'WEBSITE_CRAWLER',
              belongs_to_asset_group: { name: 'Storefront', uuid: 'c0de0000-3333-4444-8555-0123456789ab' },
            },
            policy_violation_status: 'OPEN',
            date_created: `${now.toISOString().slice(0, -1)}000+00:00`,
            relevance: 'URGENT',
            description: 'The API answers without authentication.\\n\\nAnybody can read the orders of any customer.',
            recommendation: 'Require a token on every operation of the API.',
            portal_url: 'https://www.securetheorem.com/api/inspect/policy-violations/7c0ffee0',
            policy_name: 'Production APIs',
            policy_uuid: 'd00d0000-4444-4555-8666-0123456789ab',
            violated_policy_rule_uuid: ids.rule,
            violated_policy_rule_type_uuid: ids.ruleType,
          },
        },
        time: seconds,
        host: 'securetheorem.com',
      },
    },
    {
      vendor: 'Alert Logic',
      source: 'alert-logic',
      headers: { authorization: `Bearer ${tokens.alertLogic}` },
      body: {
        accountId: '134200001',
        incidentId: `6BA7B810-9DAD-11D1-80B4-${hex.toUpperCase()}`,
        humanFriendlyId: 'q7w3zk',
        createTime: seconds,
        createtime_str: now.toISOString(),
        updateTime: seconds,
        updatetime_str: now.toISOString(),
        customer: 'Example Retail',
        customer_status: { status: 'open' },
        incident: {
          summary: 'SQL injection attempts from 203.0.113.42',
          description:
            '**Attack Detail**: 14 requests with SQL in the `q` parameter.\n\n**Remediation Recommendation:** Block the address.',
          threatRating: 'High',
          attackClassId_str: 'application-attack',
          escalated: true,
        },
        detection_source: 'Network IDS',
        attacker: { ip: '203.0.113.42' },
        victim: { ip: '10.0.4.17' },
        mitre_classification: [{ tactic: 'TA0001', technique: 'T1190' }],
        associatedEventCount: 14,
      },
    },
  ];
}

const ids = {
  asset: 'b1a5e000-2222-4333-8444-0123456789ab',
  untold: 'b1a5e001-2222-4333-8444-0123456789ab',
  rule: 'e0e00000-5555-4666-8777-0123456789ab',
  ruleType: 'f0f00000-6666-4777-8888-0123456789ab',
} as const;

/** The id of the organization, as config/demo.yaml has it. */
export const threatStackOrganization = '5a1b2c3d4e5f60718293a4b5';

/** What Threat Stack's API knows of the alert that its webhook posts: the rule, the agent, how often. */
export function threatStackRecords(now: Date) {
  const agent = { id: '5a1b2c3d4e5f60718293a4b6', hostname: 'web-17.prod.example.net', status: 'active', online: true };
  const alert = {
    id: threatStackId(now),
    title: 'Netcat listener opened by deploy on web-17',
    type: 'rule',
    severity: 1,
    count: 3,
    active: true,
    dismissed: false,
    created_at: now.getTime(),
    agent_id: agent.id,
    rule_id: '5a1b2c3d4e5f60718293a4b7',
    rule: { id: '5a1b2c3d4e5f60718293a4b7', original_rule: { name: 'Process: Netcat Listener' } },
    latest_events: [{ event_type: 'audit', user: 'deploy', exe: '/usr/bin/nc', arguments: 'nc -l -p 4444' }],
  };
  return { agents: [agent], alerts: [alert] };
}

function threatStackId(made: Date): string {
  return `5f1e${hexOf(made)}a0b1c2d3`;
}

/** The host of the violation that no webhook tells of. */
export const untoldAsset = 'stock.example.com';

/** What Data Theorem's API has: the violation that it posts, and one made at `untold` that it never posts. */
export function dataTheoremRecords(now: Date, untold: Date): Readonly<Record<string, Records>> {
  const violation = (id: string, made: Date) => ({
    id,
    violated_policy_rule_id: ids.rule,
    affected_network_service_id: ids.asset,
    exception_type: null,
    date_created: `${made.toISOString().slice(0, -1)}000+00:00`,
  });
  return {
    policy_violations: [
      violation(violationId(now), now),
      { ...violation(`7c0ffee1-1111-4222-8333-${hexOf(untold)}`, untold), affected_network_service_id: ids.untold },
    ],
    policy_rules: [{ id: ids.rule, relevance: 'URGENT', policy_rule_type_id: ids.ruleType }],
    policy_rule_types: [
      {
        id: ids.ruleType,
        title: 'API Without Authentication',
        description: 'The API answers without authentication.\\n\\nAnybody can read the orders of any customer.',
        recommendation: 'Require a token on every operation of the API.',
      },
    ],
    network_services: [
      { id: ids.asset, url: 'https://shop.example.com/v2' },
      { id: ids.untold, url: `https://${untoldAsset}/v1` },
    ],
  };
}

function violationId(made: Date): string {
  return `7c0ffee0-1111-4222-8333-${hexOf(made)}`;
}

function hexOf(time: Date): string {
  return time.getTime().toString(16).padStart(12, '0');
}
