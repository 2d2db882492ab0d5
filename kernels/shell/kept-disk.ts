/**
 * The disk of a machine's changes with what its person hears of it: that its storage is full, that there is room again,
 * that it is gone. While it is full, storing is tried again and again.
 */
import { LayerDisk } from "./layer-disk.ts";

/** Milliseconds between two tries. */
const TRY_EVERY = 3000;

const WAITS =
  "The storage for what Linux changes is full. Its changes wait in memory and are stored once there is room: remove files or notebooks that you do not need. What was stored before is safe, and so are the notebook's files.";
const GONE =
  "The storage for what Linux changes takes no more: from now on its changes last until Linux is restarted. What was stored before is safe, and so are the notebook's files.";

/** What a disk tells. */
export interface DiskReports {
  /** A sentence that is true from now on, and later that it no longer is. */
  note(sentence: string, isOver?: boolean): void;
  /** The machine cannot go on. */
  lost(): void;
}

/** A disk of so many bytes; its store is attached later. */
export function keptDisk(size: number, reports: DiskReports): LayerDisk {
  let timer: ReturnType<typeof setInterval> | undefined;
  const disk = new LayerDisk({
    size,
    onFull(_error, waits) {
      reports.note(waits ? WAITS : GONE);
      clearInterval(timer);
      if (waits) timer = setInterval(() => disk.retry(), TRY_EVERY);
    },
    onRoom() {
      clearInterval(timer);
      reports.note(WAITS, true);
    },
    onGivenUp() {
      clearInterval(timer);
      reports.note(WAITS, true);
      reports.note(GONE);
    },
    onLost: () => reports.lost(),
  });
  return disk;
}
