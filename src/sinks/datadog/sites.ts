/** Datadog's sites, each with its own keys and hosts (https://docs.datadoghq.com/getting_started/site/). */
export const sites = [
  'datadoghq.com',
  'us3.datadoghq.com',
  'us5.datadoghq.com',
  'datadoghq.eu',
  'ap1.datadoghq.com',
  'ap2.datadoghq.com',
  'uk1.datadoghq.com',
  'ddog-gov.com',
  'us2.ddog-gov.com',
] as const;
export type Site = (typeof sites)[number];

export const intakes = ['events', 'events-v2', 'logs'] as const;
/** Where alerts go: the event stream, Event Management, or logs. */
export type Intake = (typeof intakes)[number];

const places: Readonly<Record<Intake, { readonly host: string; readonly path: string }>> = {
  events: { host: 'api', path: '/api/v1/events' },
  'events-v2': { host: 'event-management-intake', path: '/api/v2/events' },
  logs: { host: 'http-intake.logs', path: '/api/v2/logs' },
};

/** The URL that an intake is posted to; `endpoint` takes the place of every host of the site. */
export function intakeUrl(intake: Intake, site: Site, endpoint: string | undefined): string {
  const { host, path } = places[intake];
  return baseUrl(host, site, endpoint) + path;
}

/** The URL that tells whether an API key is good. */
export function validateUrl(site: Site, endpoint: string | undefined): string {
  return `${baseUrl('api', site, endpoint)}/api/v1/validate`;
}

/** What is wrong with a site, and what to write instead: `app.datadoghq.com` is the console, a frequent mistake. */
export function siteHint(value: unknown): string {
  const host = typeof value === 'string' ? value.replace(/^https?:\/\//, '').replace(/\/.*$/, '') : '';
  const meant = sites
    .filter((site) => host === site || host.endsWith(`.${site}`))
    .sort((a, b) => b.length - a.length)[0];
  if (meant === undefined) return `$property must be one of ${sites.join(', ')}`;
  const what = host.startsWith('app.') ? `${host} is the console` : 'only the site itself is wanted';
  return `$property must be ${meant}: ${what}`;
}

function baseUrl(host: string, site: Site, endpoint: string | undefined): string {
  return endpoint?.replace(/\/+$/, '') ?? `https://${host}.${site}`;
}
