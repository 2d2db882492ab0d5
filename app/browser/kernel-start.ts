/**
 * Which kernels start before they are asked for: Python's right after first paint when the notebook has Python cells
 * or nothing yet; the others that have cells one after the other, when the one before is ready and the page is idle.
 */
import type { Kernel, KernelHost } from "#core/kernel/kernel.ts";
import type { Session } from "#core/session/session.ts";
import type { Notebook } from "#core/notebook/model.ts";

const ORDER = ["python", "typescript", "shell"] as const;

/** The languages to start, in order. */
export function languagesToStart(notebook: Notebook): readonly string[] {
  const code = notebook.cells.filter((cell) => cell.kind === "code" && cell.source.trim() !== "");
  if (code.length === 0) return [notebook.language];
  const used = new Set(code.map((cell) => cell.language));
  return ORDER.filter((language) => used.has(language));
}

/** Calls `work` after the next frame is on the screen. */
export function afterPaint(work: () => void): void {
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      work();
    };
    port2.postMessage(undefined);
  });
}

/** Begins with the first of them what can be done before the notebook's files are there. */
export function prepareFirstKernel(kernels: readonly Kernel[], kernelHost: KernelHost, notebook: Notebook): void {
  const [first] = languagesToStart(notebook);
  kernels.find(({ spec }) => spec.language === first)?.prepare?.(kernelHost);
}

/** Starts the kernels of a notebook one by one. Returns the way to stop starting. */
export function startKernels(session: Session, notebook: Notebook): () => void {
  const waiting = [...languagesToStart(notebook)];
  let stopped = false;
  let stopListening: (() => void) | undefined;
  const next = (): void => {
    const language = waiting.shift();
    if (stopped || language === undefined) return;
    const kernel = session.state.kernels.get(language);
    if (!kernel || kernel.status !== "off") {
      next();
      return;
    }
    session.send({ type: "start_kernel", language });
    stopListening = session.onChange((state) => {
      const status = state.kernels.get(language)?.status;
      if (status === "starting" || status === "off") return;
      stopListening?.();
      whenIdle(next);
    });
  };
  next();
  return () => {
    stopped = true;
    stopListening?.();
  };
}

/** Calls `work` when the page has nothing to do, or after two seconds. */
export function whenIdle(work: () => void): void {
  if ("requestIdleCallback" in globalThis) requestIdleCallback(work, { timeout: 2000 });
  else setTimeout(work, 200);
}
