/** What an event page or the API tells of one event, before its packets are looked into. Absent is what it does not tell. */
export type Evidence = {
  readonly eventId?: string;
  readonly eventUrl?: string;
  readonly sourceAddress?: string;
  readonly sourcePort?: string;
  readonly destinationAddress?: string;
  readonly destinationPort?: string;
  readonly signatureName?: string;
  readonly sensor?: string;
  readonly protocol?: string;
  readonly classification?: string;
  readonly severity?: string;
  /** As written there, or RFC 3339. */
  readonly eventTime?: string;
  readonly signatureId?: string;
  readonly signatureRule?: string;
  /** The status code as the vendor itself made it out, for events whose packets do not show the answer. */
  readonly responseCode?: string;
  readonly packets: readonly Buffer[];
  /** What the vendor has unpacked itself: the head of a message, and its body. */
  readonly unpacked: readonly Unpacked[];
};

export type Unpacked = { readonly head: string; readonly body: Buffer };
