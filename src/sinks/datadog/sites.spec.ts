import { describe, expect, it } from '@jest/globals';
import { intakeUrl, siteHint, validateUrl } from './sites.js';

describe('the URLs of a site', () => {
  it.each([
    ['events', 'datadoghq.com', 'https://api.datadoghq.com/api/v1/events'],
    ['events-v2', 'datadoghq.eu', 'https://event-management-intake.datadoghq.eu/api/v2/events'],
    ['logs', 'us5.datadoghq.com', 'https://http-intake.logs.us5.datadoghq.com/api/v2/logs'],
    ['logs', 'ddog-gov.com', 'https://http-intake.logs.ddog-gov.com/api/v2/logs'],
  ] as const)('for %s at %s', (intake, site, url) => {
    expect(intakeUrl(intake, site, undefined)).toBe(url);
  });

  it('all begin with the endpoint where there is one', () => {
    expect(intakeUrl('logs', 'datadoghq.eu', 'https://proxy/dd/')).toBe('https://proxy/dd/api/v2/logs');
    expect(validateUrl('datadoghq.eu', 'https://proxy/dd/')).toBe('https://proxy/dd/api/v1/validate');
    expect(validateUrl('datadoghq.eu', undefined)).toBe('https://api.datadoghq.eu/api/v1/validate');
  });
});

describe('a wrong site', () => {
  it.each([
    ['app.datadoghq.com', 'datadoghq.com: app.datadoghq.com is the console'],
    ['https://app.datadoghq.eu/', 'datadoghq.eu: app.datadoghq.eu is the console'],
    ['api.us5.datadoghq.com', 'us5.datadoghq.com: only the site itself is wanted'],
    ['https://us3.datadoghq.com', 'us3.datadoghq.com: only the site itself is wanted'],
  ])('such as %s is told the right one', (site, hint) => {
    expect(siteHint(site)).toBe(`$property must be ${hint}`);
  });

  it.each(['example.com', 'notdatadoghq.com', 7])('such as %j is told all', (site) => {
    expect(siteHint(site)).toContain('must be one of datadoghq.com, us3.datadoghq.com');
  });
});
