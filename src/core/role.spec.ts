import { describe, expect, it } from '@jest/globals';
import { covers, roles } from './role.js';

describe('a role', () => {
  it.each(roles)('is enough where %s itself is asked for', (role) => {
    expect(covers(role, role)).toBe(true);
  });

  it('includes the ones before it, and none after', () => {
    expect(roles.filter((needed) => covers('viewer', needed))).toEqual(['viewer']);
    expect(roles.filter((needed) => covers('operator', needed))).toEqual(['viewer', 'operator']);
    expect(roles.filter((needed) => covers('admin', needed))).toEqual(['viewer', 'operator', 'admin']);
  });
});
