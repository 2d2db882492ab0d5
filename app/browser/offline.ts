/**
 * Registers the service worker: at once where the host sends no isolation headers (the worker adds them, and the page
 * reloads one time), else when the page has been idle, and then tells it what to keep for a visit without network.
 */
import { whenIdle } from "./kernel-start.ts";

const RELOADED = "kroma-isolated-by-service-worker";
/** The first minutes belong to the notebook: what is kept for the next visit is copied after this pause. */
const KEEP_AFTER = 8000;

/** Fire and forget: without a service worker everything but offline use works. */
export function registerServiceWorker(): void {
  if (navigator.serviceWorker === undefined || import.meta.env.DEV) return;
  const url = new URL("service-worker.js", document.baseURI);
  if (crossOriginIsolated) {
    setTimeout(
      () =>
        whenIdle(
          () => void navigator.serviceWorker.register(url, { updateViaCache: "none" }).then(keep, () => undefined),
        ),
      KEEP_AFTER,
    );
    return;
  }
  navigator.serviceWorker.register(url, { updateViaCache: "none" }).then(
    async () => {
      await navigator.serviceWorker.ready;
      // Once only: a host or browser that cannot be isolated must not reload for ever.
      if (sessionStorage.getItem(RELOADED) !== null) return keep();
      sessionStorage.setItem(RELOADED, "1");
      location.reload();
    },
    () => undefined,
  );
}

async function keep(): Promise<void> {
  const { active } = await navigator.serviceWorker.ready;
  const base = new URL(".", document.baseURI).href;
  const urls = performance
    .getEntriesByType("resource")
    .map((entry) => entry.name)
    .filter((name) => name.startsWith(base));
  const version = document.querySelector<HTMLScriptElement>("script[type=module][src]")?.src ?? base;
  active?.postMessage({ type: "keep", version, urls: [base, ...new Set(urls)] });
}
