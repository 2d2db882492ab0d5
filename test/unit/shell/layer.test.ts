/** A machine that keeps what it changes: the real Linux on a disk in a folder, started again and again. */
import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Linux, startLinux } from "./harness.ts";

let machine: string;
let linux: Linux | undefined;

beforeEach(async () => {
  machine = await mkdtemp(join(tmpdir(), "kroma-machine-"));
});
afterEach(async () => {
  await stop();
  await rm(machine, { recursive: true, force: true });
});

/** Ends the machine without a word, as a closed tab does. */
async function stop(): Promise<void> {
  const running = linux;
  linux = undefined;
  await running?.close();
}

/** Starts another machine on the same disk. */
async function start(): Promise<Linux> {
  await stop();
  linux = await startLinux({ machine });
  return linux;
}

const LONG = 600_000;

describe("the next start", () => {
  test(
    "finds files, links, modes, removals and changed files of the system as they were",
    { timeout: LONG },
    async () => {
      const first = await start();
      expect(first.notes).toEqual([]);
      const { status, stderr } = await first.cell(
        "mkdir -p /usr/local/bin /opt; printf '#!/bin/sh\\necho tool $1\\n' >/usr/local/bin/tool; chmod 755 /usr/local/bin/tool\n" +
          "ln -s /etc/hostname /opt/link; rm /usr/bin/tree; echo '# mine' >>/etc/hosts; mv /etc/shells /etc/shells.old\n" +
          "seq 100000 >/root/numbers; chmod 600 /root/numbers; head -c 3000000 /dev/urandom >/root/bytes; sha256sum /root/bytes >/root/sum; sync",
      );
      expect([status, stderr]).toEqual(["ok", ""]);
      const second = await start();
      expect(second.notes).toEqual([]);
      const { stdout } = await second.cell(
        "tool 7; readlink /opt/link; ls /usr/bin/tree 2>&1; tail -n 1 /etc/hosts; cat /etc/shells.old | wc -l; ls /etc/shells 2>&1\n" +
          "stat -c %a /root/numbers; tail -n 1 /root/numbers; sha256sum -c /root/sum; df -T / | tail -n 1 | tr -s ' ' | cut -d' ' -f2; pwd; ls /.machine 2>&1",
      );
      expect(stdout).toBe(
        "tool 7\n/etc/hostname\nls: cannot access '/usr/bin/tree': No such file or directory\n# mine\n3\n" +
          "ls: cannot access '/etc/shells': No such file or directory\n600\n100000\n/root/bytes: OK\noverlay\n/workspace\n" +
          "ls: cannot access '/.machine': No such file or directory\n",
      );
    },
  );

  test("finds what was written a moment before the machine was killed, without a sync", { timeout: LONG }, async () => {
    const first = await start();
    await first.cell(
      "mkdir /root/tree; for i in $(seq 50); do echo $i >/root/tree/$i; done; echo ls >>~/.bash_history",
    );
    await expect
      .poll(
        async () =>
          (await first.cell("grep -c . /proc/sys/vm/dirty_writeback_centisecs; grep Dirty /proc/meminfo")).stdout,
        { timeout: 60_000, interval: 1000 },
      )
      .toMatch(/Dirty: +0 kB/);
    const second = await start();
    expect((await second.cell("cat /root/tree/* | wc -l; tail -n 1 ~/.bash_history")).stdout).toBe("50\nls\n");
  });
});

describe("trouble", () => {
  test("a full disk fails the program that writes, and nothing else", { timeout: LONG }, async () => {
    const { cell } = await start();
    const { stdout, stderr } = await cell(
      "fallocate -l 2036000K /root/big; head -c 12000000 /dev/zero >/root/more; echo $?\n" +
        "rm /root/big /root/more; echo small >/root/small; cat /root/small; echo in the workspace >file; cat file",
    );
    expect(stdout).toBe("1\nsmall\nin the workspace\n");
    expect(stderr).toContain("No space left on device");
  });

  test("a disk with errors is repaired at the next start", { timeout: LONG }, async () => {
    const first = await start();
    await first.cell("echo kept >/root/kept; sync");
    expect((await first.cell("echo 1 >/sys/fs/ext4/sdb/trigger_fs_error; echo late >/root/late")).stderr).toMatch(
      /Read-only/,
    );
    const second = await start();
    expect(second.notes).toEqual([]);
    expect(
      (
        await second.cell(
          "cat /root/kept; echo on >/root/on; cat /root/on; dumpe2fs -h /dev/sdb 2>/dev/null | grep state",
        )
      ).stdout,
    ).toMatch(/^kept\non\nFilesystem state: +clean\n$/);
  });

  test(
    "a disk that cannot be read is set aside, and said; the machine starts with a fresh one",
    { timeout: LONG },
    async () => {
      await (await start()).cell("echo kept >/root/kept; sync");
      await stop();
      const file = await open(join(machine, "disk"), "r+");
      await file.write(Buffer.alloc(1 << 20, "rubbish"), 0, 1 << 20, 0);
      await file.close();
      const second = await start();
      expect(second.notes).toEqual([expect.stringContaining("set aside as “disk-damaged”")]);
      expect((await second.cell("cat /root/kept 2>&1; echo new >/root/new; sync")).stdout).toContain("No such file");
      expect(await readdir(machine)).toEqual(expect.arrayContaining(["disk", "disk-damaged"]));
      const third = await start();
      expect(third.notes).toEqual([]);
      expect((await third.cell("cat /root/new")).stdout).toBe("new\n");
    },
  );

  test("a system that was removed leaves a machine to mend it with", { timeout: LONG }, async () => {
    const first = await start();
    const { stderr } = await first.cell("rm -rf /");
    expect(stderr).toContain("dangerous to operate recursively");
    await first.cell("echo kept >/root/kept; cd /; rm -rf --no-preserve-root /usr/bin /etc; true");
    await expect
      .poll(
        async () =>
          (
            await first.cell(
              "read -r _ a _ </proc/meminfo; while read -r n v _; do [ $n = Dirty: ] && echo $v; done </proc/meminfo",
            )
          ).stdout,
        { timeout: 60_000, interval: 1000 },
      )
      .toBe("0\n");
    const second = await start();
    expect(second.notes).toEqual([expect.stringContaining("Reset machine")]);
    expect(
      (
        await second.cell(
          "cat /.machine/root/root/kept; rm -rf /.machine/layer/upper/{usr,bin,lib,sbin,etc}; sync; echo mended",
        )
      ).stdout,
    ).toBe("kept\nmended\n");
    const third = await start();
    expect(third.notes).toEqual([]);
    expect((await third.cell("cat /root/kept; ls -d /etc/hosts")).stdout).toBe("kept\n/etc/hosts\n");
  });

  test("a machine that another process uses is not used twice", { timeout: LONG }, async () => {
    await start();
    await expect(startLinux({ machine })).rejects.toThrow(/another Kroma \(process \d+\) uses the machine/);
  });
});
