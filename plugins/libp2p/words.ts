/** What went wrong with a connection, as a sentence for a person. */
import { KromaError } from "#core/base/errors.ts";

const NOBODY = "Nobody answers at this address, or the network does not let it through.";

const byName: Readonly<Record<string, string>> = {
  AbortError: "It took too long to answer.",
  TimeoutError: "It took too long to answer.",
  UnsupportedProtocolError: "It does not speak Kroma's protocol.",
  UnexpectedPeerError: "Someone else answers at this address.",
  InvalidCryptoExchangeError: "It could not prove who it is.",
  EncryptionFailedError: "It could not prove who it is.",
  StreamResetError: "The other side ended the connection.",
  StreamAbortedError: "The connection was ended.",
  StreamBufferError: "More was sent than was read.",
  ConnectionClosedError: "The connection was lost.",
  ConnectionClosingError: "The connection was lost.",
  MuxerClosedError: "The connection was lost.",
  SDPHandshakeFailedError: "No direct path was found.",
  NoValidAddressesError: "This kind of address can't be reached from here.",
  TooManyOutboundProtocolStreamsError: "There are too many connections to it already.",
};

/** What relays say, by their protocol's names of states (circuit relay v2), and what only the message tells. */
const byMessage: Readonly<Record<string, string>> = {
  NO_RESERVATION: "It is not connected to the relay now.",
  RESERVATION_REFUSED: "The relay is full.",
  RESOURCE_LIMIT_EXCEEDED: "The relay has reached its limit.",
  PERMISSION_DENIED: "The relay does not pass on more for this browser now.",
  CONNECTION_FAILED: "The relay could not reach it.",
  "expected remote identity key": "Someone else answers at this address.",
};

/** A sentence that says why; it names no address, which may be long or private. */
export function sentence(error: unknown): string {
  if (error instanceof KromaError) return error.message;
  if (error instanceof AggregateError && error.errors.length > 0) return sentence(error.errors[0]);
  // A WebSocket fails with an event, which says nothing.
  if (!(error instanceof Error)) return NOBODY;
  for (const [part, words] of Object.entries(byMessage)) {
    if (error.message.includes(part)) return words;
  }
  return byName[error.name] ?? NOBODY;
}
