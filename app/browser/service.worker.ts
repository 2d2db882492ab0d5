/**
 * The service worker: keeps the app for the next visits, and gives pages on plain hosts the headers that shared memory
 * needs. Each build has its own service worker, which knows the hash of every file of the site; its cache holds files
 * of that build and no other. A visit is answered from the cache alone; the browser's check whether this script has
 * changed is the only request. A changed one fills its own cache beside the old one and takes over when no page of the
 * old build is open any more, so no page ever gets files of two builds.
 */
/// <reference lib="webworker" />
import { filesToKeep, kernelsOf, PAGE } from "./keep-order.ts";

/** What the build knows of itself; app/node/setup/service-worker.ts puts it at the head of this script. */
interface Build {
  readonly id: string;
  /** The page's main script, by which its own index.html is known. */
  readonly entry: string;
  /** Path to the SHA-256 of the content, in hexadecimal, of every file. */
  readonly files: Readonly<Record<string, string>>;
}
declare const self: ServiceWorkerGlobalScope & { readonly kromaBuild: Build };

const BUILD = self.kromaBuild;
const BASE = new URL("./", self.location.href).href;
/** One host may have several Kromas, each below a path of its own; all see the same caches. */
const PREFIX = `kroma ${new URL(BASE).pathname} `;
const CACHE = PREFIX + BUILD.id;
const isOfThisKroma = (name: string): boolean => name.startsWith(PREFIX) || /^kroma-[0-9a-f]{16}$/.test(name);
/** Stands in a cache that has all that a visit needs. */
const COMPLETE = `${BASE}kroma-complete`;
/** Files that are kept at one go, after which whoever asked may let kernels go first. */
const AT_ONCE = 8;

/** Chromium's way to say who answers; without it, it asks the network for the page too, in case this script is slow. */
type Routed = ExtendableEvent & {
  addRoutes?(rules: { readonly condition: { readonly requestMode: string }; readonly source: string }): Promise<void>;
};

self.addEventListener("install", (event: Routed) => {
  const routed = event.addRoutes?.({ condition: { requestMode: "navigate" }, source: "fetch-event" });
  event.waitUntil(Promise.all([routed, install()]));
});
self.addEventListener("activate", (event) => event.waitUntil(activate()));

self.addEventListener("message", (event) => {
  const message = event.data as { readonly type?: unknown; readonly urls?: unknown; readonly kernels?: unknown };
  if (message.type === "keep") {
    const kept = keep(strings(message.urls), strings(message.kernels));
    event.waitUntil(kept.then((left) => event.ports[0]?.postMessage(left)));
  }
  if (message.type === "take_over") event.waitUntil(takeOver(event.ports[0]));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(BASE) || request.headers.has("range")) return;
  const path = pathOf(request.url);
  if (request.mode === "navigate" && (path === "" || path === PAGE)) event.respondWith(page(request));
  else if (path in BUILD.files) event.respondWith(file(event, path));
  else if (!path.startsWith("assets/vm/")) event.respondWith(fromNetwork(request));
});

const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
const pathOf = (url: string): string => decodeURIComponent(url.slice(BASE.length).split(/[?#]/, 1)[0] ?? "");

/** The caches of other builds that are complete. */
async function others(): Promise<readonly Cache[]> {
  const names = (await caches.keys()).filter((name) => isOfThisKroma(name) && name !== CACHE);
  const opened = await Promise.all(names.map((name) => caches.open(name)));
  const complete = await Promise.all(opened.map((cache) => cache.match(COMPLETE)));
  return opened.filter((_, index) => complete[index] !== undefined);
}

/** The first one has nothing to wait for. Any other gets all that its forerunner had, or fails and is tried again. */
async function install(): Promise<void> {
  const before = await others();
  if (before.length === 0) return self.skipWaiting();
  const had = (await Promise.all(before.map((cache) => cache.keys()))).flat().map(({ url }) => pathOf(url));
  await fill(had, kernelsOf(had), before);
}

async function activate(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => isOfThisKroma(name) && name !== CACHE).map((name) => caches.delete(name)));
  await self.clients.claim();
}

/**
 * A page says what it has used, and asks again until nothing is left: a few files are kept each time, so that it can wait
 * while its kernels work. Tells how many are left; undefined if it did not work.
 */
async function keep(urls: readonly string[], kernels: readonly string[]): Promise<number | undefined> {
  try {
    const paths = urls.filter((url) => url.startsWith(BASE)).map((url) => pathOf(url));
    return await fill(paths, kernels, [], AT_ONCE);
  } catch {
    // Without network, or while the host changes to another build, nothing is lost: the next visit keeps it.
    return undefined;
  }
}

/**
 * Puts these files, those of the kernels and those of the page into the cache, from `before` where they are the same; at most
 * `most` of them. Kernels of which there is a part are completed, too. Tells how many are left.
 */
async function fill(
  paths: readonly string[],
  kernels: readonly string[],
  before: readonly Cache[],
  most = Number.POSITIVE_INFINITY,
): Promise<number> {
  const cache = await caches.open(CACHE);
  const there = new Set((await cache.keys()).map(({ url }) => pathOf(url)));
  const all = [...kernels, ...kernelsOf([...there])];
  const wanted = filesToKeep(Object.keys(BUILD.files), new Set(paths), all).filter((path) => !there.has(path));
  for (const path of wanted.slice(0, most)) {
    const url = BASE + path;
    const response = (await copied(path, before)) ?? (await genuine(path, await fetch(url, { cache: "no-cache" })));
    if (!response) throw new Error(`${path} is not the one of this build`);
    await cache.put(url, response);
  }
  const left = Math.max(0, wanted.length - most);
  if (left === 0) await cache.put(COMPLETE, new Response());
  return left;
}

async function copied(path: string, before: readonly Cache[]): Promise<Response | undefined> {
  for (const cache of before) {
    const response = await cache.match(BASE + path);
    if (response && (await sha256(await response.clone().arrayBuffer())) === BUILD.files[path]) return response;
  }
  return undefined;
}

/** What the host gave, if it is this file of this build. */
async function genuine(path: string, response: Response): Promise<Response | undefined> {
  if (response.status !== 200) return undefined;
  const bytes = await response.arrayBuffer();
  if ((await sha256(bytes)) !== BUILD.files[path]) {
    // Hosts may add to a page; which build it is of is seen by what it loads.
    if (path !== PAGE || !new TextDecoder().decode(bytes).includes(BUILD.entry)) return undefined;
  }
  const headers = new Headers(response.headers);
  // They told of the bytes on the wire.
  headers.delete("content-encoding");
  headers.delete("content-length");
  return new Response(bytes, { headers });
}

async function sha256(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function page(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = (await cache.match(COMPLETE)) && (await cache.match(BASE + PAGE));
  return isolated(kept ?? (await fetch(request)));
}

async function file(event: FetchEvent, path: string): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(BASE + path);
  if (kept) return isolated(kept);
  const response = await fetch(event.request);
  const copy = response.clone();
  const add = async (): Promise<void> => {
    const found = await genuine(path, copy);
    if (found) await cache.put(BASE + path, found);
  };
  event.waitUntil(add());
  return isolated(response);
}

/** Files beside the app, a host's own notebooks for example: the newest there is. */
async function fromNetwork(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    if (response.status === 200 && request.url.startsWith(`${BASE}notebooks/`)) {
      const cache = await caches.open(CACHE);
      await cache.put(request, response.clone());
    }
    return isolated(response);
  } catch (error) {
    const kept = await caches.match(request);
    if (kept) return isolated(kept);
    throw error;
  }
}

/** A page wants the new build now. Only where it is the only one: others would get files of a build that is not theirs. */
async function takeOver(answer: MessagePort | undefined): Promise<void> {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const may = windows.length <= 1;
  answer?.postMessage(may);
  if (may) await self.skipWaiting();
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
