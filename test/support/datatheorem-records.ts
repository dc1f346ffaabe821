import type { Records } from './datatheorem-api.js';

/**
 * What the Results API has of a made-up company: the violation and the finding target that the fixtures of the webhook
 * report, and some that no webhook told of. In the shape of `datatheorem-api.md`.
 */
export const northwind = {
  policy_violations: [
    {
      id: '9c1b7e64-2a35-4d8f-b0e1-6f7a8c9d3303',
      violated_policy_rule_id: 'd8a3c5f7-1e29-4b60-93d4-2a5b6c7d5505',
      affected_network_service_id: '3f0c6a52-7d1e-4b8e-9a3c-51f2c0d4e101',
      affected_cloud_resource_id: null,
      affected_api_operation_id: null,
      affected_web_application_id: null,
      exception_type: null,
      date_created: '2026-02-03T09:26:31.604127+00:00',
    },
    {
      id: '1d4c8a90-5b6e-4f21-8c3d-7e9f0a1b2c04',
      violated_policy_rule_id: 'd8a3c5f7-1e29-4b60-93d4-2a5b6c7d5506',
      affected_api_operation_id: '6e5d4c3b-2a19-4087-9f6e-5d4c3b2a1908',
      exception_type: null,
      date_created: '2026-02-03T11:40:02.000512+00:00',
    },
    {
      id: '2e5d9ba1-6c7f-4a32-9d4e-8fa01b2c3d05',
      violated_policy_rule_id: 'd8a3c5f7-1e29-4b60-93d4-2a5b6c7d5505',
      affected_cloud_resource_id: '7f6e5d4c-3b2a-4198-8a7f-6e5d4c3b2a19',
      exception_type: 'RISK_ACCEPTED',
      date_created: '2026-02-02T18:05:44.120000+00:00',
    },
    {
      id: '3f6eacb2-7d80-4b43-8e5f-90b12c3d4e06',
      violated_policy_rule_id: 'd8a3c5f7-1e29-4b60-93d4-2a5b6c7d5506',
      affected_web_application_id: '80706e5d-4c3b-4a29-9b80-706e5d4c3b2a',
      exception_type: null,
      date_created: '2025-06-11T07:00:00.000000+00:00',
    },
  ],
  policy_rules: [
    {
      id: 'd8a3c5f7-1e29-4b60-93d4-2a5b6c7d5505',
      relevance: 'URGENT',
      policy_rule_type_id: '0f4e8d2c-6b1a-5d39-8c70-9e1f2a3b6606',
    },
    {
      id: 'd8a3c5f7-1e29-4b60-93d4-2a5b6c7d5506',
      relevance: 'PROACTIVE',
      policy_rule_type_id: '1a5f9e3d-7c2b-4e40-9d81-0f2a3b4c7707',
    },
  ],
  policy_rule_types: [
    {
      id: '0f4e8d2c-6b1a-5d39-8c70-9e1f2a3b6606',
      title: 'TLS 1.0 Accepted',
      description: 'The server accepts TLS 1.0, which has known weaknesses.',
      recommendation: 'Accept TLS 1.2 and newer only.',
    },
    {
      id: '1a5f9e3d-7c2b-4e40-9d81-0f2a3b4c7707',
      title: 'No Rate Limit',
      description: 'The operation answers as often as it is asked.',
      recommendation: 'Limit requests for each client.',
    },
  ],
  network_services: [{ id: '3f0c6a52-7d1e-4b8e-9a3c-51f2c0d4e101', url: 'https://pay.northwind.example' }],
  cloud_resources: [
    {
      id: '7f6e5d4c-3b2a-4198-8a7f-6e5d4c3b2a19',
      name: 'northwind-exports',
      asset_type_name: 'S3 Bucket',
      cloud_console_url: 'https://s3.console.aws.amazon.com/s3/buckets/northwind-exports',
    },
  ],
  web_applications: [
    { id: '80706e5d-4c3b-4a29-9b80-706e5d4c3b2a', base_url: 'https://shop.northwind.example', base_path: '/cart' },
  ],
  api_operations: [
    {
      id: '6e5d4c3b-2a19-4087-9f6e-5d4c3b2a1908',
      http_method: 'POST',
      path: '/orders',
      restful_api_id: '91817f6e-5d4c-4b3a-8c91-817f6e5d4c3b',
    },
  ],
  restful_apis: [{ id: '91817f6e-5d4c-4b3a-8c91-817f6e5d4c3b', base_url: 'https://api.northwind.example/v2' }],

  targets: [
    {
      id: '6182736455647382',
      security_finding_id: '4738291056473829',
      mobile_app_id: '5647382910564738',
      issue_type_id: 'WEAK_KEYSTORE',
      current_status: 'NEW',
      date_created: '2026-02-12T12:00:00.000000+00:00',
      last_active: '2026-02-12T12:00:00Z',
    },
    {
      id: '6182736455647383',
      security_finding_id: '4738291056473829',
      mobile_app_id: '5647382910564738',
      issue_type_id: 'WEAK_KEYSTORE',
      current_status: 'CLOSED_FIXED',
      date_created: '2026-02-01T12:00:00.000000+00:00',
      last_active: '2026-02-12T12:00:00Z',
    },
    {
      id: '6182736455647384',
      security_finding_id: '4738291056473830',
      mobile_app_id: '5647382910564738',
      issue_type_id: 'LOGS_TOKENS',
      current_status: 'OPEN',
      date_created: '2025-03-01T12:00:00.000000+00:00',
      last_active: '2025-03-01T12:00:00Z',
    },
  ],
  security_findings: [
    {
      id: '4738291056473829',
      mobile_app_id: '5647382910564738',
      issue_type_id: 'WEAK_KEYSTORE',
      title: 'Keys are kept outside of the keystore',
      description: 'The app keeps a private key in a file of its own.',
      recommendation: 'Keep it in the keystore of the device.',
      severity: 'MEDIUM',
      priority: 'P2',
      aggregated_status: 'NEW',
      exploitability: 'MODERATE',
      category: 'DATA_AT_REST_EXPOSURE',
      compliance_policy_references: [{ compliance_policy: 'PCI' }],
      importance_tags: ['APPLE_P1'],
      cvss3_score: 5.5,
      portal_url: 'https://www.securetheorem.com/mobile-security/findings/4738291056473829',
    },
    {
      id: '4738291056473830',
      mobile_app_id: '5647382910564738',
      issue_type_id: 'LOGS_TOKENS',
      title: 'Tokens are written to the log',
      severity: 'HIGH',
      aggregated_status: 'OPEN',
    },
  ],
  mobile_apps: [{ id: '5647382910564738', name: 'Northwind Wallet', platform: 'IOS' }],
} satisfies Readonly<Record<string, Records>>;
