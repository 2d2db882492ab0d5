/**
 * What shell cells do, wherever the machine runs: streams and their order, the state that lives on, failure, interrupts,
 * input, completion. One machine for all, so each test leaves the shell as it found it.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FromKernel } from "#core/kernel/messages.ts";
import { collect, type Cells } from "./cells.ts";

/** Runs the suite on a shell kernel that is ready. */
export function shellConformance(name: string, start: () => Promise<Cells>): void {
  let linux: Cells;

  beforeAll(async () => {
    linux = await start();
  }, 600_000);
  afterAll(() => linux?.close());

  describe(`${name} cells`, () => {
    describe("output", () => {
      test("streams are told apart and keep the order in which they were written", async () => {
        const { streams, status, messages } = await linux.cell("echo one; echo two >&2; echo three; echo four >&2");
        expect(streams).toEqual(["out:one\n", "err:two\n", "out:three\n", "err:four\n"]);
        expect(status).toBe("ok");
        expect(messages[0]).toMatchObject({ type: "status", status: "busy" });
        expect(messages.at(-1)).toMatchObject({ type: "status", status: "idle" });
        expect(messages.at(-2)).toMatchObject({ type: "execute_reply", status: "ok" });
      });

      test("it streams while the cell runs", async () => {
        let seen = false;
        const { stdout } = await linux.cell("echo first; read answer; echo $answer", {
          inputs: ["second"],
          onMessage: (message) => {
            if (message.type === "input_request") expect(seen).toBe(true);
            if (message.type === "stream" && message.text.includes("first")) seen = true;
          },
        });
        expect(stdout).toBe("first\nsecond\n");
      });

      test("unicode, carriage returns, invalid bytes and very long lines arrive as they were written", async () => {
        const { stdout } = await linux.cell(
          String.raw`printf 'é 漢字 🎉\r50%%\r100%%\n\xff\n'; printf '%0300000d\n' 7`,
        );
        expect(stdout.startsWith("é 漢字 🎉\r50%\r100%\n\ufffd\n0")).toBe(true);
        expect(stdout.split("\n")[2]).toHaveLength(300_000);
      });

      test("much output comes complete", async () => {
        const { stdout } = await linux.cell("seq 200000");
        expect(stdout.length).toBe(1_288_895);
        expect(stdout.endsWith("199999\n200000\n")).toBe(true);
      });

      test("output is no terminal, so programs do not colour it unless asked", async () => {
        const { stdout } = await linux.cell(
          "[ -t 1 ] || echo plain; echo abc | grep --color=auto b; echo abc | grep --color=always b",
        );
        expect(stdout).toBe("plain\nabc\na\u001b[01;31m\u001b[Kb\u001b[m\u001b[Kc\n");
      });

      test("here-documents, here-strings, pipes, subshells and functions of several lines work", async () => {
        const { stdout, stderr } = await linux.cell(
          'v=world\ngreet() {\n  local who=$1\n  cat <<END\nhello $who\nEND\n}\ngreet $v | tr a-z A-Z\ncat <<< "string"\n(cd /tmp && pwd)\nfor i in 1 2; do\n  echo $i\ndone | paste -sd+\ndiff <(echo a) <(echo a) && echo same',
        );
        expect(stdout).toBe("HELLO WORLD\nstring\n/tmp\n1+2\nsame\n");
        expect(stderr).toBe("");
      });
    });

    describe("state", () => {
      test("variables, functions, aliases, options and the directory live on", async () => {
        await linux.cell("x=5; export E=6; f() { echo f$1; }; alias hi='echo hi'; shopt -s extglob; cd /tmp");
        const { stdout } = await linux.cell(
          "echo $x; f 7; hi; pwd; env | grep ^E=; shopt extglob | tr -s '\\t ' ' '; history | tail -n 1",
        );
        expect(stdout).toMatch(/^5\nf7\nhi\n\/tmp\nE=6\nextglob ?on\n/);
        expect(stdout).toContain("history | tail");
        await linux.cell("cd /workspace; unset x E; unalias hi");
      });

      test("exit ends the cell with its status and a fresh shell goes on, which is said", async () => {
        await linux.cell("kept=no");
        const { stdout, stderr, error } = await linux.cell("echo a\nexit 3\necho b");
        expect(stdout).toBe("a\n");
        expect(error).toEqual({ ename: "ShellError", evalue: "exit status 3" });
        expect(stderr).toContain("a new one goes on");
        expect((await linux.cell("echo [$kept]; pwd")).stdout).toBe("[]\n/workspace\n");
      });

      test("set -e ends the cell at the first failure and what the shell held is kept", async () => {
        await linux.cell("g() { echo g; }; a=(1 'two words')");
        const { stdout, error } = await linux.cell("set -e\nb='x\ny'\ncd /tmp\necho before\nfalse\necho after");
        expect(stdout).toBe("before\n");
        expect(error?.evalue).toBe("exit status 1");
        const { stdout: after } = await linux.cell('g; echo "${a[1]}"; echo "$b"; pwd');
        expect(after).toBe("g\ntwo words\nx\ny\n/tmp\n");
        expect((await linux.cell("set +e; false; cd /workspace")).status).toBe("ok");
      });

      test("background jobs outlive the cell, and their output is heard", async () => {
        const { stdout } = await linux.cell("mkfifo /tmp/fifo\n(read line < /tmp/fifo; echo late $line) &\necho now");
        expect(stdout).toBe("now\n");
        const late = new Promise<void>((resolve) => {
          const stop = linux.channel.receive((message: FromKernel) => {
            if (message.type !== "stream" || !message.text.includes("late yes")) return;
            stop();
            resolve();
          });
        });
        await linux.cell("echo yes > /tmp/fifo");
        await late;
      });
    });

    describe("failure", () => {
      test("the status of the last command decides", async () => {
        expect((await linux.cell("false; true")).status).toBe("ok");
        const { status, error } = await linux.cell("true; (exit 4)");
        expect(status).toBe("error");
        expect(error).toEqual({ ename: "ShellError", evalue: "exit status 4" });
        expect((await linux.cell("echo $?")).stdout).toBe("4\n");
        expect((await linux.cell("sh -c 'kill -9 $$'")).error?.evalue).toBe("exit status 137 (SIGKILL)");
      });

      test("syntax errors and unknown commands are reported", async () => {
        const syntax = await linux.cell("echo one\nif then");
        expect(syntax.stderr).toContain("line 2: syntax error near unexpected token `then'");
        expect(syntax.status).toBe("error");
        const unknown = await linux.cell("no-such-command");
        expect(unknown.stderr).toContain("no-such-command: command not found");
        expect(unknown.error?.evalue).toBe("exit status 127");
        expect((await linux.cell("echo 'open")).status).toBe("error");
        expect((await linux.cell("echo fine")).stdout).toBe("fine\n");
      });

      test("a cell that replaces the shell costs the shell, not the kernel", async () => {
        const { stdout, stderr } = await linux.cell("exec echo gone");
        expect(stdout).toBe("gone\n");
        expect(stderr).toContain("a new one goes on");
        expect((await linux.cell("echo here")).stdout).toBe("here\n");
      });
    });

    describe("interrupt", () => {
      const cells: readonly (readonly [what: string, code: string])[] = [
        ["a program", "echo go; sleep 60\necho next"],
        ["a program in a list", "echo go; sleep 60; echo next"],
        ["a loop of the shell", "echo go; while :; do :; done; echo next"],
        ["a loop of programs", "echo go; for i in 1 2 3; do sleep 60; done\necho next"],
        ["a command substitution", "echo go; x=$(sleep 60)\necho next"],
        ["a subshell", "echo go; (while :; do :; done)\necho next"],
        ["a pipeline", "echo go; sleep 60 | cat\necho next"],
        ["a function", "f() { sleep 60; echo next; }; echo go; f; f"],
        ["a wait for a job", "sleep 60 & echo go; wait\necho next"],
        ["a program that writes without end", "echo go; yes\necho next"],
        ["a program that will not listen", "echo go; sh -c 'trap \"\" INT; while :; do sleep 1; done'\necho next"],
      ];
      test.each(cells)("%s and the rest of the cell end, the shell lives", async (_, code) => {
        await linux.cell("alive=yes");
        const { error, status, stdout } = await linux.cell(code, { interruptAfter: "go" });
        expect(error?.ename).toBe("KeyboardInterrupt");
        expect(status).toBe("error");
        expect(stdout).not.toContain("next");
        expect((await linux.cell("echo $alive; pkill sleep; true")).stdout).toBe("yes\n");
      });

      test("a cell that waits for input can be interrupted", async () => {
        const { error } = await linux.cell("read line; echo next", {
          onMessage: (message) => {
            if (message.type === "input_request") linux.channel.send({ type: "interrupt_request", id: "i" });
          },
          silent: true,
        });
        expect(error?.ename).toBe("KeyboardInterrupt");
        expect((await linux.cell("echo on")).stdout).toBe("on\n");
      });
    });

    describe("input", () => {
      test("a read asks, and gets the line as it was given", async () => {
        const line = "two words, \\ and 'é'";
        const { stdout, inputs } = await linux.cell('IFS= read -r line; echo "[$line]"', { inputs: [line] });
        expect(inputs).toEqual([{ password: false }]);
        expect(stdout).toBe(`[${line}]\n`);
      });

      test("several reads ask one after the other, programs and loops too", async () => {
        const { stdout, inputs } = await linux.cell(
          "read a; read b; echo $b $a; head -n 1; while read x; do echo -$x-; done",
          {
            inputs: ["1", "2", "three", "x", "y"],
          },
        );
        expect(stdout).toBe("2 1\nthree\n-x-\n-y-\n");
        expect(inputs).toHaveLength(6);
      });

      test("a program that edits its lines asks for them too", async () => {
        const { stdout, status, inputs } = await linux.cell("sqlite3 -interactive :memory:", {
          inputs: ["select 6*7;"],
        });
        expect(stdout.split(/[\r\n]/)).toContain("42");
        expect(status).toBe("ok");
        expect(inputs).toHaveLength(2);
      });

      test("no value is the end of input", async () => {
        const { stdout } = await linux.cell('read line || echo "none [$line]"; cat; echo end');
        expect(stdout).toBe("none []\nend\n");
      });

      test("what is typed for a silent read is a password, and is not shown", async () => {
        const { stdout, stderr, inputs } = await linux.cell("read -rsp 'Password: ' p; echo ${#p}", {
          inputs: ["hunter2"],
        });
        expect(inputs).toEqual([{ password: true }]);
        expect(stdout).toBe("7\n");
        expect(stderr).toBe("Password: ");
      });

      test("a line longer than a terminal's buffer, and control characters, come through", async () => {
        const long = "x".repeat(9000);
        const { stdout } = await linux.cell(
          'read -r line; echo ${#line}; read -r line; printf %s "$line" | od -An -tx1',
          {
            inputs: [long, "a\u0003\u0004\u007fb"],
          },
        );
        expect(stdout).toBe("9000\n 61 03 04 7f 62\n");
      });
    });

    describe("the shell's own descriptors", () => {
      test("a cell that ends with process substitutions ends, with its status, and so do those after it", async () => {
        const end = await linux.cell("diff <(seq 3) <(seq 2 4)");
        expect(end.stdout).toBe("1d0\n< 1\n3a3\n> 4\n");
        expect(end.status).toBe("error");
        expect((await linux.cell("echo $?; paste <(seq 2) <(seq 2) <(seq 2) <(seq 2) <(seq 2)")).stdout).toBe(
          "1\n1\t1\t1\t1\t1\n2\t2\t2\t2\t2\n",
        );
        expect((await linux.cell("echo heard; echo too >&2")).stderr).toBe("too\n");
      });
    });

    describe("the shell's surroundings", () => {
      test("clock, identity, locale and memory are as a Linux user expects", async () => {
        const { stdout } = await linux.cell(
          "date +%s; date +%Z; cat /etc/machine-id; id -un; pwd; uname -m; locale charmap; nproc",
        );
        const [seconds, zone, machine, ...rest] = stdout.trim().split("\n");
        expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(60);
        expect(zone).toBe("UTC");
        expect(machine).toMatch(/^[0-9a-f]{32}$/);
        expect(rest).toEqual(["root", "/workspace", "i686", "UTF-8", "1"]);
      });

      test("a first line that names the language is no command", async () => {
        expect((await linux.cell("%%bash\necho one; echo $LINENO")).stdout).toBe("one\n2\n");
        expect((await linux.cell("%%bash")).status).toBe("ok");
      });
    });

    describe("the kernel's protocol", () => {
      const ask = (code: string) =>
        new Promise<FromKernel>((resolve) => {
          const id = `ask-${code}`;
          const stop = linux.channel.receive((message) => {
            if (message.type !== "complete_reply" || message.parent !== id) return;
            stop();
            resolve(message);
          });
          linux.channel.send({ type: "complete_request", id, code, cursor: code.length });
        });

      test("commands, variables and files are completed, also while a cell runs", async () => {
        await linux.cell("my_variable=1; my_function() { :; }; mkdir -p 'some folder'; touch some.txt");
        expect(await ask("echo $my_var")).toMatchObject({ matches: [{ label: "my_variable" }], start: 6 });
        expect(await ask("my_fun")).toMatchObject({ matches: [{ label: "my_function" }], start: 0 });
        expect(await ask("cat some")).toMatchObject({ matches: [{ label: "some\\ folder/" }, { label: "some.txt" }] });
        let asked: Promise<FromKernel> | undefined;
        await linux.cell("read x", {
          onMessage: (message) => message.type === "input_request" && (asked = ask("cat some.")),
        });
        expect(await asked).toMatchObject({ matches: [{ label: "some.txt" }] });
      });

      test("requests run one after the other in the order they came (K3)", async () => {
        const ends: string[] = [];
        const results = ["a", "b", "c"].map(async (name) => {
          const result = collect(linux.channel, name);
          linux.channel.send({ type: "execute_request", id: name, code: `echo ${name}` });
          expect((await result).stdout).toBe(`${name}\n`);
          ends.push(name);
        });
        await Promise.all(results);
        expect(ends).toEqual(["a", "b", "c"]);
      });

      test("the start is told in stages", () => {
        const stages = linux.starting.flatMap((message) =>
          message.type === "status" && message.stage ? [{ stage: message.stage, progress: message.progress }] : [],
        );
        const downloads = stages.filter(({ stage }) => stage === "Downloading Linux");
        expect(downloads.at(-1)?.progress).toBe(1);
        expect(stages.map(({ stage }) => stage)).toContain("Restoring Linux");
      });

      test("silent requests have no count", async () => {
        const result = collect(linux.channel, "silent");
        linux.channel.send({ type: "execute_request", id: "silent", code: "echo quiet", silent: true });
        expect((await result).messages.find((message) => message.type === "execute_reply")).toMatchObject({
          count: undefined,
        });
      });
    });
  });
}
