/** From a shell: published, pinned on a mirror, read at its gateway, named, and fetched by somebody else while the first is away. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { kroma } from "./kroma-process.ts";
import { type RunningMirror, startMirrorProcess } from "./mirror-process.ts";

let folder: string;
let mirror: RunningMirror;
let gateway: string;
/** The mirror as a peer. */
let peer: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-pinning-"));
  mirror = await startMirrorProcess(join(folder, "mirror"));
  const facts = (await (await fetch(`${mirror.url}/.well-known/kroma-mirror.json`)).json()) as {
    gateway: string;
    addresses: readonly string[];
  };
  ({ gateway } = facts);
  peer = facts.addresses.find((address) => address.includes("/ws/")) ?? "";
});
afterAll(async () => {
  await mirror.end();
  await rm(folder, { recursive: true, force: true });
});

/** What a verb writes, once it has done what it was to do; `who` has a folder of their own. */
async function run(who: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const done = await kroma(args, { environment: { KROMA_HOME: join(folder, who), ...environment } });
  return { ...done, last: done.stdout.trim().split("\n").at(-1) ?? "" };
}

it("the mirror's owner makes a token, Ada pins and names, Ben follows", async () => {
  const { last: token } = await run("owner", [
    "mirror",
    "token",
    "ada",
    "--data",
    join(folder, "mirror"),
    "--quota",
    "1GB",
  ]);
  expect(token).toMatch(/^[\w-]{43}$/);

  const published = await run("ada", [
    "publish",
    "notebooks/welcome.ipynb",
    "--author",
    "Ada",
    "--licence",
    "CC-BY-4.0",
  ]);
  const root = published.last;
  const directory = /bafybei[a-z2-7]+/.exec(published.stderr)?.[0] ?? "";
  const refused = await run("ada", ["pin", root, "--service", `${gateway}pinning`], { KROMA_PIN_TOKEN: "wrong" });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("does not take the token");
  const pinned = await run("ada", ["pin", root, "--service", `${gateway}pinning`], { KROMA_PIN_TOKEN: token });
  expect(pinned).toMatchObject({ code: 0, last: directory });
  expect(pinned.stderr + pinned.stdout).not.toContain(token);

  const page = await (await fetch(`${gateway}ipfs/${directory}/`)).text();
  expect(page).toContain("<title>Welcome</title>");
  expect(page).not.toContain("<script");

  const { last: name } = await run("ada", ["name", "publish", directory, "--to", gateway]);
  expect(await (await fetch(`${gateway}ipns/${name}/`)).text()).toBe(page);
  expect((await run("ben", ["name", "resolve", name, "--from", gateway])).last).toBe(`/ipfs/${directory}`);
  expect(await run("ben", ["fetch", root, "--from", gateway])).toMatchObject({ code: 0, last: root });
  expect((await run("ben", ["verify", root])).code).toBe(0);

  await run("ada", ["name", "publish", root, "--to", gateway]);
  // A mirror gives the record as a peer, too.
  const told = await run("ben", ["name", "resolve", name, "--from", peer]);
  expect(told.last).toBe(`/ipfs/${directory}`);
  expect(told.stderr).toContain(`there is a newer version: /ipfs/${root}`);
  expect((await run("ben", ["name", "resolve", name, "--accept"])).last).toBe(`/ipfs/${root}`);

  const service = ["--service", `${gateway}pinning`];
  const list = async () => (await run("ada", ["pins", ...service], { KROMA_PIN_TOKEN: token })).stdout;
  expect(await list()).toBe(`${directory}\tpinned\tWelcome 1.0.0\n`);
  expect((await run("ada", ["unpin", root, ...service], { KROMA_PIN_TOKEN: token })).code).toBe(0);
  expect(await list()).toBe("");
});
