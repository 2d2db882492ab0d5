/**
 * Puts the machine's kept changes over its read-only disk and moves the whole machine onto them. Whatever is wrong with
 * what was kept, there is a machine afterwards: repaired, on a new disk with the old one set aside, or on none at all.
 */
import type { SyncFs } from "#core/workspace/sync-client.ts";
import type { LayerDisk } from "./layer-disk.ts";
import { LayerStore } from "./layer-store.ts";
import type { Mux } from "./mux.ts";

export interface LayerOptions {
  readonly mux: Mux;
  readonly disk: LayerDisk;
  /** The tree that holds the disk, for this machine alone. */
  readonly files: SyncFs;
  /** What a new disk starts from. */
  readonly template: () => Promise<Uint8Array>;
}

/** How the machine stands. */
export interface LayerResult {
  /** True if what the machine changes is kept. */
  readonly kept: boolean;
  /** What a person must know, a sentence or two. */
  readonly note?: string;
}

const DEVICE = "/dev/sdb";
const DISK = "/.machine/disk";
const LAYER = "/.machine/layer";
const NEW_ROOT = "/.machine/root";
/** The tables stay the zeros that they are; what is written is on disk a second later. */
const LAYER_MODE = "noinit_itable,commit=1,errors=remount-ro";
const ROOT_MODE = `lowerdir=${DISK},upperdir=${LAYER}/upper,workdir=${LAYER}/work,index=off,redirect_dir=off,metacopy=off,xino=off`;
const RESET = "“Reset machine” starts it anew.";

/** Resolves when the machine runs on what was kept, or when it cannot. Rejects only if the machine itself fails. */
export async function mountLayer(options: LayerOptions): Promise<LayerResult> {
  const { mux, disk, files } = options;
  const attach = async (): Promise<LayerStore> => {
    const store = new LayerStore(files, disk.byteLength, await options.template());
    disk.attach(store);
    return store;
  };
  let note: string | undefined;
  const store = await attach();
  if (!(await mounted(mux, store))) {
    const name = store.setAside();
    note = `What Linux had kept is damaged and could not be repaired. It is set aside as “${name}”, to be exported; Linux starts with a fresh disk.`;
    if (!(await mounted(mux, await attach()))) {
      return { kept: false, note: `Linux cannot use its disk here: what it changes ends with it. ${RESET}` };
    }
  }
  const error = await mux.changeRoot(NEW_ROOT);
  if (error !== 0) {
    return {
      kept: false,
      note: `What Linux has kept has no /bin/bash any more, so it runs on a fresh disk, which ends with it. What was kept can be repaired in ${NEW_ROOT}. ${RESET}`,
    };
  }
  return note === undefined ? { kept: true } : { kept: true, note };
}

/** Mounts both file systems; tries a repair in between. */
async function mounted(mux: Mux, store: LayerStore): Promise<boolean> {
  let repaired = false;
  const repair = async (): Promise<void> => {
    repaired = true;
    await mux.run(["/sbin/e2fsck", "-p", DEVICE]);
  };
  if (store.hasErrors) await repair();
  if ((await mux.mount(DEVICE, LAYER, "ext4", LAYER_MODE)) !== 0) {
    if (repaired) return false;
    await repair();
    if ((await mux.mount(DEVICE, LAYER, "ext4", LAYER_MODE)) !== 0) return false;
  }
  if ((await mux.mount("overlay", NEW_ROOT, "overlay", ROOT_MODE)) === 0) return true;
  await mux.mount("", LAYER, "", "");
  return false;
}
