import 'reflect-metadata';
import { describeSource } from '../../../test/contract/source.js';
import { alertlogic } from './source.js';

const incident = (id: string) => ({ incidentId: id, accountId: 1, incident: { summary: 'Scan', threatRating: 'Low' } });

describeSource({
  plugin: alertlogic,
  fixtures: new URL('./fixtures/', import.meta.url),
  batch: { of: (elements) => ({ iris_items: elements }), elements: [incident('A1'), incident('A2')] },
});

describeSource({
  plugin: alertlogic,
  fixtures: new URL('./fixtures-mapped/', import.meta.url),
  options: {
    mapping: {
      title: '$.text',
      severity: 'sev',
      id: '$.ref',
      time: '$.when.created',
      updatedTime: '$.when.changed',
      state: '$.status',
      accountId: '$.tenant[0].id',
      accountName: "$['tenant'][0]['name']",
      description: "$.body['long.text']",
      recommendation: '$.body.advice',
      url: '$.link',
      class: '$.class',
      rule: '$.rule',
      eventType: '$.via',
      count: '$.n',
      hostname: '$.host.name',
      ip: '$.host.address',
      attacker: '$.from',
      victim: '$.to',
    },
  },
});
