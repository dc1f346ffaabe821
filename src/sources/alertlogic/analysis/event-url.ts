const consoleUrl = 'https://console.clouddefender.alertlogic.com/embedded/event.php';

/** The page of an event in the vendor's console, as the predecessor wrote it. Undefined without both ids. */
export function eventUrlOf(eventId: string | undefined, customerId: string | undefined): string | undefined {
  if (eventId === undefined || customerId === undefined) return undefined;
  const parameters = new URLSearchParams({
    id: eventId,
    customer_id: customerId,
    screen: 'event_monitor',
    filter_id: '0',
  });
  return `${consoleUrl}?${parameters.toString()}`;
}
