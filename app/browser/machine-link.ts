/**
 * The kept Linux machine of an open notebook: the store of its disk, opened anew for each start of the shell, and what a
 * person can do with it. A fresh server for each start means that a machine that was just ended can write no more.
 */
import { createSignal } from "solid-js";
import { KromaError } from "#core/base/errors.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { MachineStore } from "#core/kernel/kernel.ts";
import type { OpenWorkspace } from "#core/workspace/host.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { KeptMachine } from "#kit/commands.ts";
import { opfsUsage, startOpfsWorkspace } from "#plugins/opfs/opfs.ts";
import { packImage } from "./machine-image.ts";
import { readSettings } from "./settings.ts";
import { storagePlace } from "#plugins/indexeddb/place.ts";

/** The directory of the machine that all notebooks share; no document's id is so short. */
const SHARED = "shared";

export interface MachineLink extends KeptMachine {
  /** For KernelHost: opens the store for a new start. */
  readonly openMachine: () => Promise<MachineStore>;
  /** What a person should know about what is kept, sentences; tracks. */
  readonly notes: () => readonly string[];
  close(): Promise<void>;
}

export interface MachineLinkOptions {
  readonly document: DocumentId;
  /** A foreign notebook's machine is kept nowhere. */
  readonly foreign: boolean;
  /** Restarts the shell; false if it does not run here. */
  restart(): boolean;
}

export function openMachineLink(options: MachineLinkOptions): MachineLink {
  const [notes, setNotes] = createSignal<readonly string[]>([]);
  let served: OpenWorkspace | undefined;
  /** The next start begins with an empty store. */
  let empties = false;
  let closed = false;
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: the store has one server at a time. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  };
  const report = (sentence: string): void => void setNotes((list) => [...new Set([...list, sentence])]);

  const withdraw = (sentence: string): void => void setNotes((list) => list.filter((note) => note !== sentence));

  const stop = async (): Promise<void> => {
    const old = served;
    served = undefined;
    await old?.close();
  };
  /** The machine's place as the settings have it now; undefined if it is kept nowhere. */
  const place = (): string | undefined => {
    const keeps = readSettings().linuxKeeps;
    if (options.foreign || keeps === "nothing") return undefined;
    return keeps === "shared" ? SHARED : options.document;
  };
  const start = async (document: string): Promise<OpenWorkspace> => {
    const worker = new Worker(new URL("./workspace.worker.ts", import.meta.url), {
      type: "module",
      name: "kroma-machine",
    });
    const opened = await startOpfsWorkspace(worker, { document, of: "machine", root: await storagePlace() });
    if (opened.storage === "opfs") return opened;
    const reason = opened.message?.split(": ").at(-1) ?? "this browser has no private file system.";
    await opened.close();
    throw new KromaError("denied", reason);
  };
  const clear = async (files: Workspace): Promise<void> => {
    for (const { path } of await files.list("")) await files.remove(path);
    await files.flush();
  };
  /** Does something with the store, be it in use or not. */
  const withFiles = <T>(none: T, work: (files: Workspace) => Promise<T>): Promise<T> =>
    inTurn(async () => {
      if (served) return work(served.workspace);
      const document = place();
      if (document === undefined) return none;
      const opened = await start(document);
      try {
        return await work(opened.workspace);
      } finally {
        await opened.close();
      }
    });

  return {
    notes,
    openMachine: () =>
      inTurn(async () => {
        await stop();
        setNotes([]);
        const document = place();
        if (document === undefined || closed) return { shared: undefined, report, withdraw };
        try {
          served = await start(document);
          if (empties) await clear(served.workspace);
          empties = false;
          return { shared: served.shared, report, withdraw };
        } catch (error) {
          report(whyNot(error, document === SHARED));
          return { shared: undefined, report, withdraw };
        }
      }),
    usage: async () => {
      const document = place();
      return document === undefined ? 0 : opfsUsage("machine", document, await storagePlace());
    },
    export: () =>
      withFiles([], async (files) => {
        const disks = (await files.list("")).filter(({ path }) => path.startsWith("disk"));
        const images: { name: string; image: Blob }[] = [];
        for (const { path } of disks) {
          images.push({ name: `linux-${path}.img.gz`, image: await packImage(files, path) });
        }
        return images;
      }),
    async reset() {
      empties = true;
      if (options.restart()) return;
      await withFiles(undefined, clear);
      empties = false;
    },
    close() {
      closed = true;
      return inTurn(stop);
    },
  };
}

function whyNot(error: unknown, isShared: boolean): string {
  if (error instanceof KromaError && error.code === "unavailable") {
    return isShared
      ? "Another notebook uses the one Linux machine: here Linux runs on a temporary disk, and what it changes ends with this tab. Close the other one and restart Linux to use the machine here."
      : "Another tab has the disk of this notebook's Linux: what it changes here ends with this tab.";
  }
  const reason = error instanceof Error ? error.message : String(error);
  return `What Linux changes is kept in memory only and ends with this tab: ${reason}`;
}
