/** Starts far-peer.ts, and ends it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { FarPeerOptions, FarPeerStarted } from "./far-peer.ts";

export interface FarPeer extends FarPeerStarted {
  /** Ends it: SIGTERM lets it say goodbye, SIGKILL does not. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/** A peer with a relay in a process of its own. */
export async function startFarPeer(options: FarPeerOptions = {}): Promise<FarPeer> {
  const node = join(import.meta.dirname, "../../node_modules/node/bin/node");
  const child: ChildProcess = spawn(node, [join(import.meta.dirname, "far-peer.ts"), JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const { stdout } = child;
  if (!stdout) throw new Error("The far peer has no output.");
  const line = await Promise.race([
    once(createInterface(stdout), "line") as Promise<[string]>,
    ended.then(() => Promise.reject(new Error("The far peer did not start."))),
  ]);
  return {
    ...(JSON.parse(line[0]) as FarPeerStarted),
    async end(signal) {
      child.kill(signal);
      await ended;
    },
  };
}
