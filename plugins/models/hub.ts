/**
 * What a model hub says of its files beside their bytes: the SHA-256 of a large file and the terms of its repository. The paths and
 * headers are those of https://huggingface.co (`/owner/name/resolve/revision/file`, `X-Linked-Etag`, `/api/models/…`,
 * https://huggingface.co/docs/hub/api), which its mirrors have too.
 */
import { array, fallback, maxLength, object, optional, parse, pipe, string } from "valibot";

/** What a hub says. */
export interface HubFacts {
  readonly digest?: string;
  readonly licence?: string;
}

/** What is used of a Response. */
export type FileResponse = Pick<Response, "ok" | "status" | "statusText" | "headers" | "redirected" | "body" | "text">;

/** Fetches as the platform does, with these headers. */
export type FetchFile = (
  url: string,
  init: { readonly headers: Record<string, string>; readonly signal: AbortSignal },
) => Promise<FileResponse>;

const MOST_BYTES = 4 * 1024 * 1024;
const MOST_HOPS = 10;
const PATIENCE = 15_000;
const LINKED_ETAG = "x-linked-etag";

const word = pipe(string(), maxLength(200));
const modelSchema = object({
  tags: fallback(array(string()), []),
  siblings: fallback(
    array(object({ rfilename: string(), lfs: fallback(optional(object({ sha256: string() })), undefined) })),
    [],
  ),
});

/** What the hub says of a file at such an address; nothing when it is no hub's, or does not answer. */
export async function hubFacts(address: string, fetch: FetchFile, signal: AbortSignal): Promise<HubFacts> {
  const { owner, name, revision, file, base } =
    /^(?<base>https?:\/\/[^?#]*?\/)(?<owner>[^/?#]+)\/(?<name>[^/?#]+)\/resolve\/(?<revision>[^/?#]+)\/(?<file>[^?#]+)/.exec(
      address,
    )?.groups ?? {};
  if (owner === undefined || file === undefined) return {};
  try {
    const response = await fetch(`${base}api/models/${owner}/${name}/revision/${revision}?blobs=true`, {
      headers: { accept: "application/json" },
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
    });
    if (!response.ok || Number(response.headers.get("content-length") ?? 0) > MOST_BYTES) {
      await response.body?.cancel();
      return {};
    }
    const text = await response.text();
    if (text.length > MOST_BYTES) return {};
    const { tags, siblings } = parse(modelSchema, JSON.parse(text));
    const path = decodeURIComponent(file);
    const digest = hexOf(siblings.find(({ rfilename }) => rfilename === path)?.lfs?.sha256);
    const licence = tags.find((tag) => tag.startsWith("license:"))?.slice("license:".length);
    return {
      ...(digest === undefined ? {} : { digest }),
      ...(licence === undefined ? {} : { licence: parse(word, licence.slice(0, 200)) }),
    };
  } catch {
    signal.throwIfAborted();
    // A mirror may have files alone: the download is what matters.
    return {};
  }
}

/** The SHA-256 that a server names with the file; undefined for every other tag. */
export function digestIn({ headers, redirected }: Pick<FileResponse, "headers" | "redirected">): string | undefined {
  const linked = hexOf(headers.get(LINKED_ETAG));
  // Where a hub leads to has tags of its own, which may be of another hash and as long.
  return linked ?? (redirected ? undefined : hexOf(headers.get("etag")));
}

/** As FetchFile has it, and a redirect is an answer. */
type FollowInit = Parameters<FetchFile>[1] & { readonly redirect: "manual" };

/**
 * Follows redirects itself and keeps what the hub says on the way: for Node, where the answers in between can be seen. A page sees the
 * last one only.
 */
export const followingHub =
  (fetch: (url: string, init: FollowInit) => Promise<Response>): FetchFile =>
  async (url, init) => {
    let at = url;
    let linked: string | null = null;
    for (let hop = 0; hop <= MOST_HOPS; hop++) {
      const response = await fetch(at, { ...init, redirect: "manual" });
      linked ??= response.headers.get(LINKED_ETAG);
      const location = response.headers.get("location");
      if (![301, 302, 303, 307, 308].includes(response.status) || location === null)
        return hop === 0 ? response : arrived(response, linked);
      await response.body?.cancel();
      at = new URL(location, at).href;
      if (!/^https?:/.test(at)) throw new TypeError(`a redirect to ${at.slice(0, 100)}`);
    }
    throw new TypeError("too many redirects");
  };

/** The answer with what the hub said before it. It holds on to the response, whose body ends when nobody does. */
function arrived(response: Response, linked: string | null): FileResponse {
  const headers = new Headers(response.headers);
  if (linked !== null) headers.set(LINKED_ETAG, linked);
  const { ok, status, statusText } = response;
  return {
    ok,
    status,
    statusText,
    headers,
    redirected: true,
    get body() {
      return response.body;
    },
    text: () => response.text(),
  };
}

const hexOf = (tag: string | null | undefined): string | undefined =>
  /^(?:W\/)?"?([0-9a-f]{64})"?$/i.exec(tag ?? "")?.[1]?.toLowerCase();
