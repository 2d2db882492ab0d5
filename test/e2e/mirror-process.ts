/** `kroma mirror` as a process of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { root } from "./kroma-process.ts";

export interface RunningMirror {
  readonly url: string;
  readonly port: number;
  readonly said: () => string;
  /** Ends it and gives its exit status. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts a mirror on that data folder; port 0 lets the system choose. */
export const startMirrorProcess = (folder: string, port = 0, ...args: readonly string[]): Promise<RunningMirror> =>
  startMirrorWithin([], folder, port, ...args);

/** The same by a program that starts others, which these words begin with (`ip netns exec …`). */
export async function startMirrorWithin(
  within: readonly string[],
  folder: string,
  port: number,
  ...args: readonly string[]
): Promise<RunningMirror> {
  const [program, ...words] = [...within, process.execPath];
  const child = spawn(
    program ?? process.execPath,
    [
      ...words,
      join(root, "app/node/cli.ts"),
      "mirror",
      "--data",
      folder,
      "--port",
      String(port),
      "--gateway-port",
      "0",
      ...args,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const exit = once(child, "exit") as Promise<[number | null]>;
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      const found = /Kroma is at (http\S+)\//.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("close", () => reject(new Error(`kroma mirror ended:\n${said}`)));
  });
  return {
    url,
    port: Number(new URL(url).port),
    said: () => said,
    async end(signal = "SIGTERM") {
      child.kill(signal);
      return (await exit)[0];
    },
  };
}
