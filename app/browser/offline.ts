/**
 * Registers the service worker: at once where the host sends no isolation headers (the worker adds them, and the page
 * reloads one time), else when what the person came for is on the screen, and the page and its kernels have nothing to do.
 * Then has it keep what the next visits need, a few files at a time and while no kernel starts or runs: to fetch, hash and
 * store that takes seconds of CPU. A new build that it has found and stored
 * is offered.
 */
import { kernelWork } from "./kernel-work.ts";
import { whenIdle } from "./kernel-start.ts";
import { storagePlace } from "#plugins/indexeddb/place.ts";

const RELOADED = "kroma-isolated-by-service-worker";
/** The first moments belong to the notebook: what is kept for the next visit is copied after this pause. */
const KEEP_AFTER = 8000;
/** Kernels may work for hours: keeping waits so long for their rest before it begins, and between files; milliseconds. */
const PATIENCE = 120_000;
const SHORT_PATIENCE = 2000;

/** Takes the new build now and reloads the page; false while other pages of the old one are open. */
export type TakeNewBuild = () => Promise<boolean>;

/**
 * Fire and forget: without a service worker everything but offline use works. Nothing is copied before `shown`. `offer`
 * hears of a new build.
 */
export function registerServiceWorker(shown: Promise<void>, offer: (take: TakeNewBuild) => void): void {
  if (navigator.serviceWorker === undefined || import.meta.env.DEV) return;
  const url = new URL("service-worker.js", document.baseURI);
  const register = async (): Promise<void> => {
    try {
      // What the service worker keeps tells later which Kroma was here before: the note of this one comes first.
      await storagePlace();
      const registration = await navigator.serviceWorker.register(url, { updateViaCache: "none" });
      watch(registration, offer);
      if (!crossOriginIsolated) await isolate();
      await shown;
      await keepAll();
    } catch {
      // Refused here (private modes, plain http): the app works from the network.
    }
  };
  const begin = (): void => void kernelWork.rest(PATIENCE).then(() => whenIdle(() => void register()));
  if (crossOriginIsolated) void shown.then(() => setTimeout(begin, KEEP_AFTER));
  else void register();
}

/** True before the page is reloaded because its host sends no isolation headers. */
export function willReload(): boolean {
  if (navigator.serviceWorker === undefined || import.meta.env.DEV || crossOriginIsolated) return false;
  // Once only: a host or browser that cannot be isolated must not reload for ever.
  return sessionStorage.getItem(RELOADED) === null;
}

async function isolate(): Promise<void> {
  await navigator.serviceWorker.ready;
  if (!willReload()) return;
  sessionStorage.setItem(RELOADED, "1");
  location.reload();
}

/** Has everything kept, and again what another kernel needs whenever one is started. */
async function keepAll(): Promise<void> {
  let keeping = false;
  let again = false;
  const begin = async (): Promise<void> => {
    again = true;
    if (keeping) return;
    keeping = true;
    try {
      while (again) {
        again = false;
        await kernelWork.rest(PATIENCE);
        while ((await keep()) > 0) await kernelWork.rest(SHORT_PATIENCE);
      }
    } finally {
      keeping = false;
    }
  };
  // What is not kept now is kept at the next visit.
  kernelWork.onStarted(() => void begin().catch(() => undefined));
  await begin();
}

/** Has some files kept; tells how many are left. */
async function keep(): Promise<number> {
  const { active } = await navigator.serviceWorker.ready;
  if (!active) return 0;
  const urls = performance.getEntriesByType("resource").map((entry) => entry.name);
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise<unknown>((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
  active.postMessage({ type: "keep", urls: [...new Set(urls)], kernels: [...kernelWork.started] }, [port2]);
  const left = await answer;
  port1.close();
  return typeof left === "number" ? left : 0;
}

function watch(registration: ServiceWorkerRegistration, offer: (take: TakeNewBuild) => void): void {
  const tell = (worker: ServiceWorker): void => {
    // Without an active one it is the first, and there is nothing new about it.
    if (registration.active) offer(() => take(worker));
  };
  const follow = (worker: ServiceWorker): void => {
    worker.addEventListener("statechange", () => {
      if (worker.state === "installed") tell(worker);
    });
  };
  if (registration.waiting) tell(registration.waiting);
  if (registration.installing) follow(registration.installing);
  registration.addEventListener("updatefound", () => {
    if (registration.installing) follow(registration.installing);
  });
}

function take(worker: ServiceWorker): Promise<boolean> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const reload = (): void => location.reload();
    navigator.serviceWorker.addEventListener("controllerchange", reload);
    port1.onmessage = ({ data }) => {
      port1.close();
      if (data !== true) navigator.serviceWorker.removeEventListener("controllerchange", reload);
      resolve(data === true);
    };
    worker.postMessage({ type: "take_over" }, [port2]);
  });
}
