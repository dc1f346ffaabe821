/** The name of the source of the router's own alerts: no configured source may have it, and routes may ask for it. */
export const ownSourceName = 'signalbox';

/** What the router's own alerts say of where they come from. */
export const ownSource = { type: 'signalbox', vendor: 'signalbox', product: 'Signalbox' } as const;
