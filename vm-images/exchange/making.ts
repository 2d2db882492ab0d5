/**
 * Tells other processes of this machine that the Linux image is being made, and how far it is: the server says so to the
 * page, where the shell waits instead of giving up. A note in the cache names the process; without it the note is void.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const noteOf = (cache: string): string => join(cache, "vm", ".making");

/** Does `work`, telling meanwhile what it logs; a second one at the same time tells in the place of the first. */
export async function whileMaking<T>(
  cache: string,
  log: (line: string) => void,
  work: (log: (line: string) => void) => Promise<T>,
): Promise<T> {
  await mkdir(join(cache, "vm"), { recursive: true });
  let last: Promise<unknown> = Promise.resolve();
  const tell = (stage: string): void => {
    const note = JSON.stringify({ process: process.pid, stage });
    // Whoever can't read it is told nothing: no reason to stop.
    last = last.then(() => writeFile(noteOf(cache), note)).catch(() => undefined);
  };
  tell("Starting");
  try {
    return await work((line) => {
      tell(line);
      log(line);
    });
  } finally {
    await last;
    await rm(noteOf(cache), { force: true });
  }
}

/** What is being done to make an image, or undefined when none is being made. */
export async function makingStage(cache: string): Promise<string | undefined> {
  try {
    const note = JSON.parse(await readFile(noteOf(cache), "utf8")) as { process?: unknown; stage?: unknown };
    if (typeof note.process !== "number" || typeof note.stage !== "string") return undefined;
    process.kill(note.process, 0);
    return note.stage;
  } catch {
    return undefined;
  }
}
