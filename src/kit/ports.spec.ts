import { describe, expect, it } from '@jest/globals';
import { portRefusal } from './ports.js';

const elsewhere = { isNamedNetwork: false };
const named = { isNamedNetwork: true };

describe('a port', () => {
  it.each([443, 8443, 8088, 9200, 9243])('where APIs are served, such as %d, may be called', (port) => {
    expect(portRefusal(port, elsewhere)).toBeUndefined();
  });

  it.each([80, 3000, 8080, 9999])(
    'of a public address such as %d may not, and the reason says what would help',
    (port) => {
      const refusal = portRefusal(port, elsewhere);
      expect(refusal).toContain(`port ${port} is none where an API is served (443, 8443, 8088, 9200, 9243)`);
      expect(refusal).toContain('name it in allowPorts');
    },
  );

  it('may be named by the operator, or be in a network that is', () => {
    expect(portRefusal(8080, { ...elsewhere, allowPorts: [3000, 8080] })).toBeUndefined();
    expect(portRefusal(8080, { ...elsewhere, allowPorts: [3000] })).toContain('port 8080');
    expect(portRefusal(8080, named)).toBeUndefined();
  });

  it.each([0, 22, 25, 110, 587, 5060, 6379, 6667, 10080, 11211])(
    'of another protocol such as %d may never be called, whoever names it',
    (port) => {
      const refusal = portRefusal(port, { ...named, allowPorts: [port] });
      expect(refusal).toBe(`port ${port} belongs to another protocol and is never called`);
    },
  );
});
