/**
 * What the TEST button of a connector sends: the sample at the end of the incident schema page
 * (docs.alertlogic.com/configure/connectors/incident.htm), through the customer's template. Account 2 is not a customer's.
 */
const testAccount = '2';
const testIncident = '5F04D7E3-000A-8420-0002-757900000000';

/** True for the TEST button's incident, and for one that the vendor itself puts in the class `test`. */
export function isTestIncident(
  accountId: string | undefined,
  incidentId: string | undefined,
  className: string | undefined,
): boolean {
  return (accountId === testAccount && incidentId === testIncident) || className?.toLowerCase() === 'test';
}
