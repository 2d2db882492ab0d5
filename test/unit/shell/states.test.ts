/** The machine's saved states: which is restored, and that one that is missing, damaged or of another make costs nothing but time. */
import { mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cacheFolder } from "#app/node/paths.ts";
import type { ImageManifest } from "#kernels/shell/image.ts";
import { ensureImage } from "#vm-images/exchange/ensure.ts";
import { startLinux } from "./harness.ts";

let image: string;
const made: string[] = [];
beforeAll(async () => {
  image = await ensureImage({ cache: cacheFolder(), log: (line) => console.error(line) });
}, 900_000);
afterAll(() => Promise.all(made.map((folder) => rm(folder, { recursive: true }))));

const PYTHON =
  "#!/usr/bin/env python3\nimport os\nprint(open(f'/proc/{os.getppid()}/cmdline').read().count('--zygote'))";

/** The built image with another manifest, and with some of its files replaced by nonsense. */
async function imageWith(change: (manifest: ImageManifest) => object, broken: readonly string[] = []): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kroma-image-"));
  made.push(folder);
  for (const name of await readdir(image)) {
    if (name !== "manifest.json" && !broken.includes(name)) await symlink(join(image, name), join(folder, name));
  }
  const manifest = JSON.parse(await readFile(join(image, "manifest.json"), "utf8")) as ImageManifest;
  for (const name of broken) await writeFile(join(folder, name), "not a state");
  await writeFile(join(folder, "manifest.json"), JSON.stringify({ ...manifest, ...change(manifest) }));
  return pathToFileURL(join(folder, "/")).href;
}

/** Starts Linux, runs cells, and tells what they wrote and how it was started. */
async function started(vmImage: string | undefined, sources: readonly string[], cells: readonly string[]) {
  const linux = await startLinux({ sources, ...(vmImage === undefined ? {} : { settings: { vmImage } }) });
  try {
    const stages = linux.starting.flatMap((message) => ("stage" in message && message.stage ? [message.stage] : []));
    const written: string[] = [];
    for (const cell of cells) written.push((await linux.cell(cell)).stdout);
    return { stages, written };
  } finally {
    await linux.close();
  }
}

const IDENTITY = "cat /etc/machine-id /proc/sys/kernel/random/uuid; date +%s";

test("cells without Python get the small state, and cells with it the one that has NumPy; each start is a machine of its own", async () => {
  const base = await started(undefined, ["echo 1"], ["pgrep -cf python.py; true", IDENTITY]);
  expect(base.written[0]).toBe("0\n");
  const science = await started(undefined, ["echo 1", PYTHON], [PYTHON, IDENTITY]);
  expect(science.written[0]).toBe("1\n");
  const [first, second] = [base, science].map(({ written }) => (written[1] ?? "").trim().split("\n"));
  expect(first?.[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(first?.[0]).not.toBe(second?.[0]);
  expect(first?.[1]).not.toBe(second?.[1]);
  for (const [, , seconds] of [first ?? [], second ?? []])
    expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(600);
}, 900_000);

test("in the small state the first script in Python has NumPy made ready for the next", async () => {
  const wait = "until [ -S /run/kroma/python.sock ]; do sleep 0.5; done";
  const { written } = await started(undefined, [], ["#!/usr/bin/env python3\nprint('first')", wait, PYTHON]);
  expect(written).toEqual(["first\n", "", "1\n"]);
}, 900_000);

test("a state with NumPy that is missing or damaged: the small one is restored", async () => {
  const { science: _, ...rest } = JSON.parse(await readFile(join(image, "manifest.json"), "utf8")) as ImageManifest;
  const missing = await started(await imageWith(() => ({ ...rest, science: undefined })), [PYTHON], ["echo on"]);
  expect(missing.written).toEqual(["on\n"]);
  expect(missing.stages).toContain("Restoring Linux");
  const damaged = await started(await imageWith(() => ({}), ["science.zst"]), [PYTHON], ["echo on"]);
  expect(damaged.written).toEqual(["on\n"]);
  expect(damaged.stages).toContain("Restoring Linux");
  expect(damaged.stages).not.toContain("Starting Linux");
}, 900_000);

test("states of another set of devices are refused, and Linux is started from its kernel", async () => {
  const other = await started(await imageWith(() => ({ devices: "others" })), [PYTHON], ["echo on; uname -s"]);
  expect(other.written).toEqual(["on\nLinux\n"]);
  expect(other.stages).toContain("Starting Linux");
  expect(other.stages).not.toContain("Restoring Linux");
}, 900_000);

test("states that are all damaged: Linux is started from its kernel", async () => {
  const damaged = await started(await imageWith(() => ({}), ["science.zst", "state.zst"]), [], ["echo on"]);
  expect(damaged.written).toEqual(["on\n"]);
  expect(damaged.stages).toContain("Starting Linux");
}, 900_000);

test("a kernel that panics ends the cell and says so, also in a restored machine", async () => {
  const linux = await startLinux();
  try {
    const reasons: string[] = [];
    linux.channel.receive((message) => {
      if (message.type === "status" && message.status === "dead") reasons.push(message.reason ?? "");
    });
    linux.channel.send({ type: "execute_request", id: "panic", code: "echo c > /proc/sysrq-trigger" });
    await expect.poll(() => reasons).toEqual(["The Linux kernel panicked. Restart the shell to go on."]);
  } finally {
    await linux.close();
  }
});

test.each([["echo 1"], [PYTHON]])(
  "what a cell left running runs on while nobody uses the machine: %j",
  async (source) => {
    const linux = await startLinux({ sources: [source] });
    try {
      // One process, for longer than the machine waits before it rests.
      await linux.cell("perl -e 'sleep 6; open F, q(>), q(/workspace/late); print F qq(here\\n)' &");
      await expect.poll(() => readFile(join(linux.folder, "late"), "utf8").catch(() => "")).toBe("here\n");
    } finally {
      await linux.close();
    }
  },
);
