/**
 * Addresses of a previewed page. Inside its frame a server of the machine has an origin under `.invalid`, a name that no
 * network resolves (RFC 2606): what slips past the preview reaches nothing, above all not a server of the reader's own
 * computer. A person sees and types `localhost:8000/path`, and pages may use that too.
 */

/** A place on a server of the machine. */
export interface Address {
  readonly port: number;
  /** With the query, without a fragment; begins with "/". */
  readonly path: string;
  /** With its "#", or empty. */
  readonly fragment: string;
}

const INSIDE = /^localhost-(\d{1,5})\.invalid$/;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1?\])$/;

/** The address as the frame knows it. */
export function urlOf({ port, path, fragment }: Address): string {
  return `http://localhost-${port}.invalid${path}${fragment}`;
}

/** The address as a person reads it. */
export function shownAddress({ port, path, fragment }: Address): string {
  return `localhost:${port}${path}${fragment}`;
}

/** The address that a URL of a page means, if it is one of the machine's servers. */
export function addressOf(url: string, base?: string): Address | undefined {
  if (!URL.canParse(url, base)) return undefined;
  const { protocol, hostname, port, pathname, search, hash } = new URL(url, base);
  if (protocol !== "http:") return undefined;
  const inside = INSIDE.exec(hostname)?.[1];
  const number = inside ?? (LOOPBACK.test(hostname) ? port || "80" : undefined);
  if (number === undefined || !isPort(Number(number))) return undefined;
  return { port: Number(number), path: `${pathname}${search}`, fragment: hash };
}

/** What a person typed: "8000", ":8000/x", "localhost:8000/x", "/x" (on `now`), "http://127.0.0.1:8000". */
export function typedAddress(text: string, now: Address | undefined): Address | undefined {
  const typed = text.trim();
  if (typed.startsWith("/") && now) return addressOf(typed, urlOf(now));
  if (/^:?\d{1,5}(?:[/?#]|$)/.test(typed)) return addressOf(`http://localhost:${typed.replace(/^:/, "")}`);
  return addressOf(/^[a-z]+:\/\//i.test(typed) ? typed : `http://${typed}`);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}
