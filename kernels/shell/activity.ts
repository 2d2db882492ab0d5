/**
 * What runs in the machine that a person should know of: ports that listen, and jobs that outlived their cell. The agent
 * looks (SPEC.md A18) while the machine is awake; here it is told apart from what the running cell does itself.
 */
import type { Job, MachineActivity } from "#core/kernel/machine.ts";
import type { Mux } from "./mux.ts";
import type { Rest } from "./rest.ts";

const INTERVAL = 1000;
/** A job that does not end politely is killed after this, in milliseconds. */
const KILL_AFTER = 3000;
/** The agent's own (A15). */
const PROXY_PORT = 3128;

interface Seen {
  readonly pid: number;
  readonly group: number;
  readonly name: string;
  /** Seconds that it has run. */
  readonly age: number;
}

/** Knows what was told last, and tells what is new. */
export class Activity {
  readonly #say: (message: MachineActivity) => void;
  #machine: { readonly mux: Mux; readonly rest: Rest } | undefined;
  #ports: readonly number[] = [];
  #seen: readonly Seen[] = [];
  /** Process groups that are jobs; what a running cell starts is none yet. */
  #jobs = new Map<number, Job>();
  #cell: "none" | "runs" | "has ended" = "none";
  #told = "";

  constructor(say: (message: MachineActivity) => void) {
    this.#say = say;
  }

  start(mux: Mux, rest: Rest): void {
    this.#machine = { mux, rest };
    mux.look(INTERVAL);
  }

  cellBegins(): void {
    this.#cell = "runs";
  }

  /** What is left now is jobs. The look comes before all that a next cell starts. */
  cellEnded(): void {
    this.#cell = "has ended";
    this.#machine?.mux.look(INTERVAL);
  }

  /** Resolves when what runs at this moment was told: a machine that is stopped does not look. */
  async lookNow(): Promise<void> {
    this.#machine?.mux.look(INTERVAL);
    // The agent answers in order.
    await this.#machine?.mux.ping();
  }

  /** The agent's SEEN. */
  seen(payload: Uint8Array): void {
    const read = readSeen(payload);
    if (!read) return;
    this.#ports = read.ports.filter((port) => port !== PROXY_PORT);
    this.#seen = read.jobs;
    const isOver = this.#cell !== "runs";
    const jobs = new Map<number, Job>();
    for (const { pid, group, name, age } of this.#seen) {
      const known = this.#jobs.get(group);
      if (known) jobs.set(group, { ...known, pid, name });
      else if (isOver) jobs.set(group, { pid, name, since: Date.now() - age * 1000 });
    }
    this.#jobs = jobs;
    if (this.#cell === "has ended") this.#cell = "none";
    this.#tell();
  }

  /** Ends a job that was told; one that does not listen is killed. */
  end(pid: number): void {
    const found = [...this.#jobs].find(([, job]) => job.pid === pid);
    const machine = this.#machine;
    if (!found || !machine) return;
    const [group] = found;
    const signal = (name: string) =>
      machine.rest.during(async () => {
        await machine.mux.run(["/bin/bash", "-c", `kill -${name} -- -${group}; kill -CONT -- -${group}`]);
        machine.mux.look(INTERVAL);
      });
    // A machine that broke has said so.
    void signal("TERM").catch(() => undefined);
    setTimeout(() => {
      if (this.#jobs.get(group)?.pid === pid) void signal("KILL").catch(() => undefined);
    }, KILL_AFTER);
  }

  #tell(): void {
    const message: MachineActivity = { type: "machine_activity", ports: this.#ports, jobs: [...this.#jobs.values()] };
    const text = JSON.stringify(message);
    if (text === (this.#told || JSON.stringify({ type: "machine_activity", ports: [], jobs: [] }))) return;
    this.#told = text;
    this.#say(message);
  }
}

/** Takes SEEN apart; undefined when it is not of that form. The guest may be hostile: names lose what is no text. */
export function readSeen(
  payload: Uint8Array,
): { readonly ports: readonly number[]; readonly jobs: readonly Seen[] } | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  if (payload.length < 5) return undefined;
  const uptime = view.getUint32(0, true);
  const count = view.getUint8(4);
  let at = 5 + 2 * count;
  if (at > payload.length) return undefined;
  const ports = Array.from({ length: count }, (_, index) => view.getUint16(5 + 2 * index, true));
  const jobs: Seen[] = [];
  while (at < payload.length) {
    if (at + 13 > payload.length) return undefined;
    const length = view.getUint8(at + 12);
    if (at + 13 + length > payload.length) return undefined;
    const name = new TextDecoder().decode(payload.subarray(at + 13, at + 13 + length));
    jobs.push({
      pid: view.getUint32(at, true),
      group: view.getUint32(at + 4, true),
      age: Math.max(0, uptime - view.getUint32(at + 8, true)),
      // oxlint-disable-next-line no-control-regex -- no part of a name
      name: name.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ").trim(),
    });
    at += 13 + length;
  }
  return { ports, jobs };
}
