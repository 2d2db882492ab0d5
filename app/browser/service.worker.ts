/**
 * The service worker: keeps the app for visits without network, and gives pages on plain hosts the headers that shared
 * memory needs. The page itself always comes from the network when there is one, so a new build is seen at once; what
 * it names by content hash comes from the cache. One cache per build; older ones go when the new one is filled.
 */
/// <reference lib="webworker" />
export {};

declare const self: ServiceWorkerGlobalScope;

const PREFIX = "kroma-";
const BASE = new URL("./", self.location.href).href;
/** Waiting longer for the page than this, a kept one is better. */
const PATIENCE = 4000;

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  const message = event.data as { readonly type?: unknown; readonly version?: unknown; readonly urls?: unknown };
  if (message.type !== "keep" || typeof message.version !== "string" || !Array.isArray(message.urls)) return;
  const urls = message.urls.filter((url): url is string => typeof url === "string" && url.startsWith(BASE));
  event.waitUntil(keep(PREFIX + message.version, urls));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(BASE) || request.headers.has("range")) return;
  const path = new URL(request.url).pathname.slice(new URL(BASE).pathname.length);
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (path.startsWith("app/") || (path.startsWith("assets/") && !path.startsWith("assets/vm/")))
    event.respondWith(asset(request));
  else event.respondWith(fromNetwork(request));
});

async function newest(): Promise<Cache | undefined> {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  const name = names.at(-1);
  return name === undefined ? undefined : caches.open(name);
}

async function keep(name: string, urls: readonly string[]): Promise<void> {
  const cache = await caches.open(name);
  for (const url of urls) {
    if (url !== BASE && (await cache.match(url))) continue;
    try {
      const response = await fetch(url);
      if (response.ok) await cache.put(url, response);
    } catch {
      // Without network nothing is lost: the next visit keeps it.
    }
  }
  for (const old of await caches.keys()) if (old.startsWith(PREFIX) && old !== name) await caches.delete(old);
}

async function page(request: Request): Promise<Response> {
  const kept = await (await newest())?.match(BASE);
  try {
    const fresh = fetch(request);
    if (!kept) return isolated(await fresh);
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE));
    const first = await Promise.race([fresh, late]);
    return isolated(first ?? kept);
  } catch (error) {
    if (kept) return isolated(kept);
    throw error;
  }
}

async function asset(request: Request): Promise<Response> {
  const cache = await newest();
  const kept = await cache?.match(request);
  if (kept) return isolated(kept);
  const response = await fetch(request);
  if (cache && response.ok && response.status === 200) await cache.put(request, response.clone());
  return isolated(response);
}

async function fromNetwork(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    const cache = response.ok && request.url.includes("/notebooks/") ? await newest() : undefined;
    await cache?.put(request, response.clone());
    return isolated(response);
  } catch (error) {
    const kept = await (await newest())?.match(request);
    if (kept) return isolated(kept);
    throw error;
  }
}

/** The response with the headers of an isolated page, where its host does not send them. */
function isolated(response: Response): Response {
  if (
    response.type === "opaque" ||
    response.type === "opaqueredirect" ||
    response.headers.has("cross-origin-embedder-policy")
  )
    return response;
  const headers = new Headers(response.headers);
  headers.set("cross-origin-embedder-policy", "credentialless");
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-resource-policy", "cross-origin");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
