/** Many processes in a real Linux: jobs are counted as a person counts them, and a fork bomb ends (SPEC.md A18, A19). */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MachineActivity } from "#core/kernel/machine.ts";
import type { FromKernel } from "#core/kernel/messages.ts";
import { type Linux, startLinux } from "./harness.ts";

const LONG = 600_000;

let linux: Linux;
const heard: FromKernel[] = [];
beforeAll(async () => {
  // A notebook with Python cells has the state in which one is kept ready.
  linux = await startLinux({ sources: ["#!/usr/bin/env python3\n"] });
  linux.channel.receive((message) => heard.push(message));
}, LONG);
afterAll(() => linux?.close());

const activity = (): MachineActivity | undefined => heard.findLast((message) => message.type === "machine_activity");
const said = (from: number): string =>
  heard
    .slice(from)
    .map((message) => (message.type === "stream" ? message.text : ""))
    .join("");

test(
  "one line with & is one job, named for its program; the Python that is kept ready is none",
  { timeout: LONG },
  async () => {
    const names = (): readonly string[] | undefined => activity()?.jobs.map(({ name }) => name);
    await linux.cell("cd /tmp && sleep 600 &");
    await expect.poll(names, { timeout: LONG }).toEqual(["( sleep 600 )"]);
    await linux.cell("(cd /; (sleep 500; :); :) &");
    await expect.poll(names, { timeout: LONG }).toEqual(["( sleep 600 )", "( sleep 500 )"]);
    await linux.cell("kill %1 %2; cd /workspace");
    await expect.poll(names, { timeout: LONG }).toEqual([]);
  },
);

test("three hundred processes at once are no trouble", { timeout: LONG }, async () => {
  const from = heard.length;
  const { stdout, status } = await linux.cell(
    "mkfifo /tmp/gate; exec 8<>/tmp/gate; for i in $(seq 300); do read x <&8 & done\n" +
      "echo /proc/[0-9]* | wc -w; ls / | wc -l; kill $(jobs -p); wait; exec 8<&-; echo done",
  );
  expect(status).toBe("ok");
  const [all, files, done] = stdout.split("\n");
  expect(Number(all)).toBeGreaterThan(300);
  expect(Number(files)).toBeGreaterThan(10);
  expect(done).toBe("done");
  expect(said(from)).not.toContain("unavailable");
});

/** Variables and a pipe; what is left of a bomb may for a moment still keep a process of it from being made. */
const answer = async (): Promise<string> => (await linux.cell("echo $kept; ls / | grep -c etc")).stdout;

test("a fork bomb is ended and told, and the shell goes on with what it knew", { timeout: LONG }, async () => {
  await linux.cell("kept=yes");
  const from = heard.length;
  await linux.cell(":(){ :|:& };:");
  await expect.poll(() => said(from), { timeout: LONG }).toContain("kroma: Linux had more processes than");
  await expect.poll(answer, { timeout: LONG }).toBe("yes\n1\n");
  // Nothing of it is left: the kernel's own threads, the agent, Python, the shell and what counts.
  await expect
    .poll(async () => Number((await linux.cell("echo /proc/[0-9]* | wc -w")).stdout), { timeout: LONG })
    .toBeLessThan(100);
  // The function that it called is still there, under the name of a builtin: nothing else calls it.
  const calm = heard.length;
  for (let cell = 0; cell < 3; cell += 1) expect(await answer()).toBe("yes\n1\n");
  expect(said(calm)).not.toContain("more processes");
  await linux.cell("unset -f :");
});

test("so is one that the cell waits for", { timeout: LONG }, async () => {
  const { status, stderr } = await linux.cell("bomb() { bomb | bomb; }; bomb");
  expect(status).toBe("error");
  expect(stderr).toContain("kroma: Linux had more processes than");
  await expect.poll(answer, { timeout: LONG }).toBe("yes\n1\n");
});
