/**
 * Tokens with which a person signs in to model hubs. A token belongs to one origin (RFC 6454): a request to that origin carries it
 * (RFC 6750), and none to any other, also where the hub's answer leads to another one.
 */
import type { HubToken } from "#core/store/fetched.ts";

/** The token for an address; undefined when there is none, or it would travel in the clear. */
export function tokenFor(url: string, tokens: readonly HubToken[]): string | undefined {
  const address = URL.parse(url);
  if (!address || (address.protocol !== "https:" && !isLoopback(address.hostname))) return undefined;
  return tokens.find(({ origin }) => origin === address.origin)?.token;
}

/**
 * Fetches with the token of the address's origin, if there is one. What follows redirects by itself must ask again for each hop, or
 * drop the header where the origin changes, as the Fetch standard says (HTTP-redirect fetch) and browsers do.
 */
export const withTokens =
  <Init extends { readonly headers: Record<string, string> }, Answer>(
    fetch: (url: string, init: Init) => Promise<Answer>,
    tokens: () => readonly HubToken[],
  ) =>
  (url: string, init: Init): Promise<Answer> => {
    const token = tokenFor(url, tokens());
    return fetch(
      url,
      token === undefined ? init : { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } },
    );
  };

const isLoopback = (host: string): boolean => host === "localhost" || host === "[::1]" || /^127\.[\d.]+$/.test(host);
