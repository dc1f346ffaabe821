import { isIP } from 'node:net';

/**
 * What OCSF 1.6.0 demands of the four finding classes that alerts are written in, and of the objects inside them:
 * required attributes, enums with their captions, constraints, and the type of every attribute we use. An attribute
 * that is not listed is a problem: it is a mistake, belongs to another class or profile, or came after 1.6.0.
 * Facts from https://schema.ocsf.io/1.6.0, of which this is no copy: what we never write is left out.
 */
type Shape = {
  readonly attributes: Readonly<Record<string, AttributeType>>;
  readonly required?: readonly string[];
  readonly atLeastOne?: readonly string[];
  readonly justOne?: readonly string[];
  /** The number, the attribute that carries its caption, and the captions. */
  readonly enums?: Readonly<Record<string, { readonly sibling: string; readonly captions: Captions }>>;
};

type Scalar = 'string' | 'integer' | 'timestamp' | 'boolean' | 'ip' | 'port' | 'json';
type AttributeType = Scalar | `${Scalar}[]` | { readonly object: string } | { readonly objects: string };
type Captions = Readonly<Record<number, string>>;

const findingAttributes = {
  activity_id: 'integer',
  activity_name: 'string',
  category_uid: 'integer',
  category_name: 'string',
  class_uid: 'integer',
  class_name: 'string',
  type_uid: 'integer',
  type_name: 'string',
  severity_id: 'integer',
  severity: 'string',
  status_id: 'integer',
  status: 'string',
  status_detail: 'string',
  time: 'timestamp',
  start_time: 'timestamp',
  end_time: 'timestamp',
  count: 'integer',
  message: 'string',
  confidence_score: 'integer',
  comment: 'string',
  metadata: { object: 'metadata' },
  finding_info: { object: 'finding_info' },
  device: { object: 'device' },
  observables: { objects: 'observable' },
  resources: { objects: 'resource_details' },
  raw_data: 'string',
  raw_data_size: 'integer',
  raw_data_hash: { object: 'fingerprint' },
  unmapped: 'json',
} as const satisfies Shape['attributes'];

const findingRequired = [
  'activity_id',
  'category_uid',
  'class_uid',
  'finding_info',
  'metadata',
  'severity_id',
  'time',
  'type_uid',
];

const findingEnums = (classUid: number, className: string): NonNullable<Shape['enums']> => ({
  activity_id: { sibling: 'activity_name', captions: { 1: 'Create', 2: 'Update', 3: 'Close' } },
  category_uid: { sibling: 'category_name', captions: { 2: 'Findings' } },
  class_uid: { sibling: 'class_name', captions: { [classUid]: className } },
  severity_id: {
    sibling: 'severity',
    captions: { 0: 'Unknown', 1: 'Informational', 2: 'Low', 3: 'Medium', 4: 'High', 5: 'Critical', 6: 'Fatal' },
  },
  status_id: {
    sibling: 'status',
    captions: {
      0: 'Unknown',
      1: 'New',
      2: 'In Progress',
      3: 'Suppressed',
      4: 'Resolved',
      5: 'Archived',
      6: 'Deleted',
    },
  },
  type_uid: {
    sibling: 'type_name',
    captions: {
      [classUid * 100 + 1]: `${className}: Create`,
      [classUid * 100 + 2]: `${className}: Update`,
      [classUid * 100 + 3]: `${className}: Close`,
    },
  },
});

const classes: Readonly<Record<number, Shape>> = {
  2002: {
    attributes: { ...findingAttributes, vulnerabilities: { objects: 'vulnerability' } },
    required: [...findingRequired, 'vulnerabilities'],
    enums: findingEnums(2002, 'Vulnerability Finding'),
  },
  2003: {
    attributes: {
      ...findingAttributes,
      compliance: { object: 'compliance' },
      evidences: { objects: 'evidences' },
      remediation: { object: 'remediation' },
    },
    required: [...findingRequired, 'compliance'],
    enums: findingEnums(2003, 'Compliance Finding'),
  },
  2004: {
    attributes: {
      ...findingAttributes,
      evidences: { objects: 'evidences' },
      is_alert: 'boolean',
      remediation: { object: 'remediation' },
      vulnerabilities: { objects: 'vulnerability' },
    },
    required: findingRequired,
    enums: findingEnums(2004, 'Detection Finding'),
  },
  2007: {
    attributes: {
      ...findingAttributes,
      compliance: { object: 'compliance' },
      remediation: { object: 'remediation' },
      vulnerabilities: { objects: 'vulnerability' },
    },
    required: findingRequired,
    atLeastOne: ['application', 'compliance', 'remediation', 'vulnerabilities'],
    enums: findingEnums(2007, 'Application Security Posture Finding'),
  },
};

const entity = { attributes: { uid: 'string', name: 'string' }, atLeastOne: ['name', 'uid'] } as const satisfies Shape;
const endpoint = { ...entity.attributes, hostname: 'string', ip: 'ip' } as const;

const objects: Readonly<Record<string, Shape>> = {
  metadata: {
    attributes: {
      version: 'string',
      uid: 'string',
      product: { object: 'product' },
      tenant_uid: 'string',
      event_code: 'string',
      log_name: 'string',
      logged_time: 'timestamp',
      labels: 'string[]',
      is_truncated: 'boolean',
    },
    required: ['product', 'version'],
  },
  product: { ...entity, attributes: { ...entity.attributes, vendor_name: 'string' } },
  finding_info: {
    attributes: {
      uid: 'string',
      title: 'string',
      desc: 'string',
      types: 'string[]',
      created_time: 'timestamp',
      modified_time: 'timestamp',
      src_url: 'string',
      analytic: { object: 'analytic' },
      attacks: { objects: 'attack' },
    },
    // The title was required until 1.4.
    required: ['uid', 'title'],
  },
  analytic: {
    ...entity,
    attributes: { ...entity.attributes, category: 'string', type_id: 'integer', type: 'string' },
    required: ['type_id'],
    enums: { type_id: { sibling: 'type', captions: { 0: 'Unknown', 1: 'Rule', 2: 'Behavioral', 3: 'Statistical' } } },
  },
  attack: {
    attributes: { tactic: { object: 'entity' }, technique: { object: 'entity' } },
    atLeastOne: ['tactic', 'technique', 'sub_technique'],
  },
  entity,
  resource_details: {
    ...entity,
    attributes: {
      ...endpoint,
      type: 'string',
      role_id: 'integer',
      role: 'string',
      group: { object: 'entity' },
      tags: { objects: 'key_value_object' },
      data: 'json',
    },
    enums: { role_id: { sibling: 'role', captions: { 1: 'Target', 2: 'Actor', 3: 'Affected', 4: 'Related' } } },
  },
  key_value_object: { attributes: { name: 'string', value: 'string' }, required: ['name'], atLeastOne: ['value'] },
  device: {
    attributes: { ...endpoint, region: 'string', type_id: 'integer', type: 'string' },
    required: ['type_id'],
    atLeastOne: ['ip', 'uid', 'name', 'hostname'],
    enums: { type_id: { sibling: 'type', captions: { 0: 'Unknown', 1: 'Server', 2: 'Desktop', 6: 'Virtual' } } },
  },
  network_endpoint: {
    attributes: { ...endpoint, port: 'port' },
    atLeastOne: ['ip', 'uid', 'name', 'hostname'],
  },
  evidences: {
    attributes: { src_endpoint: { object: 'network_endpoint' }, dst_endpoint: { object: 'network_endpoint' } },
    atLeastOne: ['src_endpoint', 'dst_endpoint'],
  },
  observable: {
    attributes: { name: 'string', value: 'string', type_id: 'integer', type: 'string' },
    required: ['name', 'type_id'],
    enums: {
      type_id: {
        sibling: 'type',
        captions: { 1: 'Hostname', 2: 'IP Address', 4: 'User Name', 6: 'URL String', 10: 'Resource UID' },
      },
    },
  },
  remediation: { attributes: { desc: 'string' }, required: ['desc'] },
  fingerprint: {
    attributes: { algorithm_id: 'integer', algorithm: 'string', value: 'string' },
    required: ['algorithm_id', 'value'],
    enums: { algorithm_id: { sibling: 'algorithm', captions: { 1: 'MD5', 2: 'SHA-1', 3: 'SHA-256', 4: 'SHA-512' } } },
  },
  vulnerability: {
    attributes: { cve: { object: 'cve' }, cwe: { object: 'cwe' }, remediation: { object: 'remediation' } },
    justOne: ['advisory', 'cve', 'cwe'],
  },
  cve: { attributes: { uid: 'string' }, required: ['uid'] },
  cwe: { attributes: { uid: 'string' }, required: ['uid'] },
  compliance: {
    attributes: { control: 'string', standards: 'string[]', status_id: 'integer', status: 'string' },
    enums: { status_id: { sibling: 'status', captions: { 0: 'Unknown', 1: 'Pass', 2: 'Warning', 3: 'Fail' } } },
  },
};

/** What is wrong with a finding, as `path: problem`; nothing when it is as OCSF 1.6.0 demands. */
export function ocsfProblems(finding: unknown): readonly string[] {
  const classUid = isObject(finding) ? finding['class_uid'] : undefined;
  const shape = typeof classUid === 'number' ? classes[classUid] : undefined;
  return shape === undefined ? [`class_uid: ${String(classUid)} is not a class we write`] : check(finding, shape, '');
}

function check(value: unknown, shape: Shape, path: string): readonly string[] {
  if (!isObject(value)) return [`${path}: not an object`];
  const has = (name: string) => Object.hasOwn(value, name);
  const { required = [], atLeastOne = [], justOne = [], enums = {}, attributes } = shape;
  return [
    ...required.filter((name) => !has(name)).map((name) => `${path}${name}: required`),
    ...(atLeastOne.length > 0 && !atLeastOne.some(has) ? [`${path}: none of ${atLeastOne.join(', ')}`] : []),
    ...(justOne.length > 0 && justOne.filter(has).length !== 1 ? [`${path}: not one of ${justOne.join(', ')}`] : []),
    ...Object.entries(enums)
      .filter(([name, { sibling, captions }]) => has(name) && captions[Number(value[name])] !== value[sibling])
      .map(([name]) => `${path}${name}: not in the enum, or not with its caption`),
    ...Object.entries(value).flatMap(([name, member]) => {
      const type = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
      return type === undefined ? [`${path}${name}: unknown here`] : checkType(member, type, `${path}${name}`);
    }),
  ];
}

function checkType(value: unknown, type: AttributeType, path: string): readonly string[] {
  if (typeof type === 'string') {
    const scalar = type.replace('[]', '') as Scalar;
    const values = type.endsWith('[]') ? value : [value];
    const fits = Array.isArray(values) && (values as unknown[]).every((element) => isScalar(element, scalar));
    return fits ? [] : [`${path}: not ${type}`];
  }
  if ('object' in type) return check(value, shapeOf(type.object), `${path}.`);
  if (!Array.isArray(value)) return [`${path}: not a list`];
  return value.flatMap((element, index) => check(element, shapeOf(type.objects), `${path}[${index}].`));
}

function isScalar(value: unknown, type: Scalar): boolean {
  switch (type) {
    case 'string':
    case 'boolean':
      return typeof value === type;
    case 'integer':
    case 'timestamp':
      return Number.isSafeInteger(value);
    case 'ip':
      return typeof value === 'string' && isIP(value) !== 0;
    case 'port':
      return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535;
    case 'json':
      return isJson(value);
  }
}

function isJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  return typeof value === 'object' && Object.values(value).every(isJson);
}

function shapeOf(name: string): Shape {
  const shape = objects[name];
  if (shape === undefined) throw new Error(`no shape is written down for the OCSF object ${name}`);
  return shape;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
