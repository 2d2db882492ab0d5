import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withStoreLock } from "../../../app/node/artefacts/store-lock.ts";

let folder: string;
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kroma-lock-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
const fresh = (): string => join(folder, "made", `${++count}.lock`);

/** Work that goes on until it is let go, and says when it began. */
function held(file: string, holding: "shared" | "exclusive", patience?: number) {
  const started = Promise.withResolvers<void>();
  const letGo = Promise.withResolvers<void>();
  const done = withStoreLock(
    file,
    holding,
    async () => {
      started.resolve();
      await letGo.promise;
    },
    patience,
  );
  done.catch(() => undefined);
  return { started: started.promise, letGo: letGo.resolve, done };
}

it("is shared by any number, and waited for by who wants it alone", async () => {
  const file = fresh();
  const [one, two] = [held(file, "shared"), held(file, "shared")];
  await Promise.all([one.started, two.started]);
  const alone = held(file, "exclusive");
  let isAlone = false;
  void alone.started.then(() => (isAlone = true));
  one.letGo();
  await one.done;
  expect(isAlone).toBe(false);
  two.letGo();
  await alone.started;
  const late = held(file, "shared", 100);
  await expect(late.done).rejects.toMatchObject({ code: "unavailable" });
  alone.letGo();
  await alone.done;
  const after = held(file, "shared");
  await after.started;
  after.letGo();
  await after.done;
});

it("is let go when the work fails", async () => {
  const file = fresh();
  const failing = withStoreLock(file, "exclusive", () => Promise.reject(new Error("no")));
  await expect(failing).rejects.toThrow("no");
  expect(await withStoreLock(file, "exclusive", async () => 1, 100)).toBe(1);
});

it("is let go by the system when a process dies", async () => {
  const file = fresh();
  const program = `
    import { withStoreLock } from ${JSON.stringify(join(import.meta.dirname, "../../../app/node/artefacts/store-lock.ts"))};
    await withStoreLock(process.argv[1], "exclusive", () => {
      process.stdout.write("held");
      return new Promise((resolve) => setTimeout(resolve, 600_000));
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  await expect(withStoreLock(file, "shared", async () => 1, 50)).rejects.toMatchObject({ code: "unavailable" });
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  await ended;
  expect(await withStoreLock(file, "shared", async () => 1, 5000)).toBe(1);
});
