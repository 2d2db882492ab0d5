/** What this browser or host cannot do for Kroma, in words that say what is lost and what is not. */

/** Sentences for the banners; empty where everything works. */
export function pageLimits(): readonly string[] {
  const limits: string[] = [];
  if (typeof SharedArrayBuffer === "undefined" || !crossOriginIsolated) {
    limits.push(
      "This page has no shared memory here, so cells cannot share files, a busy Python is interrupted by restarting it, and the shell may not start. Editing and saving work as usual.",
    );
  }
  if (typeof navigator.storage?.getDirectory !== "function") {
    limits.push(
      "This browser keeps no files for pages: what cells write is gone when the tab closes. The notebook itself is kept.",
    );
  }
  return limits;
}
