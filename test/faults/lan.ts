/**
 * A small network of this machine's own: each host is a Linux network namespace on one bridge, whose cable can be pulled
 * and whose packets can be lost. Needs root, `ip` (iproute2) and `nft` (nftables); nothing of it reaches the real network.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const run = (program: string, ...args: readonly string[]): void => {
  execFileSync(program, args, { stdio: ["ignore", "ignore", "inherit"] });
};

export class Lan {
  readonly #prefix = `kroma${process.pid}`;
  readonly #folder = mkdtempSync(join(tmpdir(), "kroma-lan-"));
  readonly #switch = `${this.#prefix}-switch`;
  readonly #hosts: LanHost[] = [];

  constructor() {
    try {
      run("ip", "netns", "add", this.#switch);
    } catch (cause) {
      throw new Error("Network namespaces cannot be made: this needs root, iproute2 and nftables.", { cause });
    }
    run("ip", "-n", this.#switch, "link", "add", "bridge", "type", "bridge");
    run("ip", "-n", this.#switch, "link", "set", "bridge", "up");
  }

  add(): LanHost {
    const number = this.#hosts.length + 1;
    const name = `${this.#prefix}-${number}`;
    const port = `port${number}`;
    run("ip", "netns", "add", name);
    run("ip", "-n", name, "link", "add", "cable", "type", "veth", "peer", "name", port, "netns", this.#switch);
    run("ip", "-n", this.#switch, "link", "set", port, "master", "bridge", "up");
    const address = `10.77.0.${number}`;
    run("ip", "-n", name, "address", "add", `${address}/24`, "dev", "cable");
    for (const device of ["lo", "cable"]) run("ip", "-n", name, "link", "set", device, "up");
    // Browsers tell each other names instead of addresses, and look them up by multicast.
    run("ip", "-n", name, "route", "add", "default", "dev", "cable");
    const host = new LanHost(name, address, port, this.#switch, this.#folder);
    this.#hosts.push(host);
    return host;
  }

  close(): void {
    for (const name of [...this.#hosts.map((host) => host.name), this.#switch]) run("ip", "netns", "delete", name);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export class LanHost {
  /** What runs a program on this host, before its own words. */
  readonly enter: readonly string[];
  readonly name: string;
  readonly address: string;
  readonly #port: string;
  readonly #switch: string;
  readonly #folder: string;

  constructor(name: string, address: string, port: string, theSwitch: string, folder: string) {
    this.name = name;
    this.address = address;
    this.#port = port;
    this.#switch = theSwitch;
    this.#folder = folder;
    this.enter = ["ip", "netns", "exec", name];
  }

  /** A program that is another one on this host. */
  program(path: string): string {
    const file = join(this.#folder, `${this.name}-program`);
    writeFileSync(file, `#!/bin/sh\nexec ${this.enter.join(" ")} '${path}' "$@"\n`);
    chmodSync(file, 0o755);
    return file;
  }

  /** The cable is pulled: packets vanish, and no program is told. */
  cut(): void {
    run("ip", "-n", this.#switch, "link", "set", this.#port, "nomaster");
  }

  mend(): void {
    run("ip", "-n", this.#switch, "link", "set", this.#port, "master", "bridge");
  }

  /** From now on so many of a hundred packets that come to it are lost. */
  lose(percent: number): void {
    const rules = [
      "add table ip faults",
      "flush table ip faults",
      "add chain ip faults input { type filter hook input priority 0; }",
      `add rule ip faults input iifname cable numgen random mod 100 < ${percent} drop`,
    ];
    run("ip", ...this.enter.slice(1), "nft", rules.join("; "));
  }
}
