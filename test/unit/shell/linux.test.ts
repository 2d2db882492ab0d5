/** Shell cells in a real Linux: one machine for the whole file, so each test leaves the shell as it found it. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FromKernel } from "#core/kernel/messages.ts";
import { collect, type Linux, startLinux } from "./harness.ts";

let linux: Linux;
beforeAll(async () => {
  linux = await startLinux();
}, 600_000);
afterAll(() => linux?.close());

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
    const { stdout } = await linux.cell(String.raw`printf 'é 漢字 🎉\r50%%\r100%%\n\xff\n'; printf '%0300000d\n' 7`);
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
    const { stdout } = await linux.cell('read -r line; echo ${#line}; read -r line; printf %s "$line" | od -An -tx1', {
      inputs: [long, "a\u0003\u0004\u007fb"],
    });
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

describe("the machine", () => {
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

  test("the usual tools are there", async () => {
    const tools =
      "awk bash bc bzip2 cal cat cc curl cut dc diff dpkg e2fsck ed envsubst fd file find git grep gzip head htop jq less ls lua make make_absent mke2fs nano nc od openssl parallel patch perl pip ps python python3 resize2fs rg rsync sed socat sort sponge sqlite3 strace tar tcc time tmux tr tree unzip vi view vim wget xargs xxd xz zip zstd";
    const { stdout } = await linux.cell(`for t in ${tools}; do command -v $t >/dev/null || echo $t; done`);
    expect(stdout).toBe("make_absent\n");
    const work = await linux.cell(
      `echo '{"a":[1,2,3]}' | jq -c '.a|map(.*2)'; echo '2^70' | bc; sqlite3 :memory: 'select sum(value) from generate_series(1,10)' 2>/dev/null || sqlite3 :memory: 'select 55'; printf 'b 2\\na 1\\n' | sort | awk '{s+=$2} END {print s}'`,
    );
    expect(work.stdout).toBe("[2,4,6]\n1180591620717411303424\n55\n3\n");
  });

  test("small programs are built and run", async () => {
    const { stdout, stderr } = await linux.cell(
      [
        "mkdir -p /tmp/build; cd /tmp/build",
        `printf '#include <stdio.h>\\n#include <math.h>\\nint main(void) { printf("%%.3f\\\\n", sqrt(2)); return 0; }\\n' > hello.c`,
        "tcc -lm -run hello.c",
        `printf 'hello: hello.c\\n\\tcc -o $@ $< -lm\\n' > Makefile`,
        "make -s && ./hello",
        "cd /workspace; rm -r /tmp/build",
      ].join("\n"),
    );
    expect(stderr).toBe("");
    expect(stdout).toBe("1.414\n1.414\n");
  });

  test("tools do their work", async () => {
    const cases: readonly (readonly [string, string])[] = [
      ["perl -MJSON::PP -MList::Util=sum -e 'print encode_json({ sum => sum(1..4) })'", '{"sum":10}'],
      ["lua -e 'print(string.format(\"%5.2f\", math.pi))'", " 3.14\n"],
      ["printf abc | openssl sha256 | cut -d' ' -f2 | cut -c1-8", "ba7816bf\n"],
      ["openssl version >/dev/null && wc -l < /etc/ssl/certs/ca-certificates.crt | awk '{ print ($1 > 2000) }'", "1\n"],
      [
        "TERM=xterm-256color tput colors; TERM=tmux-256color tput colors; TERM=screen tput cols >/dev/null && echo yes",
        "256\n256\nyes\n",
      ],
      ["printf 'a\\nb\\n' > v.txt; vim -es +'%s/a/c/' +wq v.txt; cat v.txt; rm v.txt", "c\nb\n"],
      [
        "tmux -L t new-session -d 'echo in tmux > t.txt'; until [ -s t.txt ]; do sleep 0.1; done; cat t.txt; rm t.txt",
        "in tmux\n",
      ],
      ["seq 3 | parallel -k echo n{}", "n1\nn2\nn3\n"],
      ["mkdir -p r1 && echo x > r1/f && rsync -a r1/ r2/ && cat r2/f && rm -r r1 r2", "x\n"],
      [
        "truncate -s 8M d.img && mke2fs -q -t ext4 d.img && e2fsck -fn d.img >/dev/null 2>&1 && echo clean; rm d.img",
        "clean\n",
      ],
      [
        "grep -c . /proc/filesystems >/dev/null; grep -w ext4 /proc/filesystems | tr -d '\\t'; [ -e /dev/loop-control ] && echo loop",
        "ext4\nloop\n",
      ],
      ["dpkg-query -W -f '${Version}\\n' bash | cut -c1-2; dpkg -S /usr/bin/jq", "5.\njq: /usr/bin/jq\n"],
      ["TZ=Europe/Berlin date -d @0 +%H; printf 'caf\\xe9' | iconv -f latin1 -t utf8", "01\ncafé"],
      ["python3 -c 'import yaml, sqlite3, ssl, lzma, numpy; print(yaml.safe_load(\"a: [1]\"))'", "{'a': [1]}\n"],
      [
        "git init -q g && cd g && echo x > f && git add f && git commit -qm one && git log --format=%s; cd ..; rm -rf g",
        "one\n",
      ],
    ];
    for (const [code, stdout] of cases) expect([code, (await linux.cell(code)).stdout]).toEqual([code, stdout]);
  }, 600_000);

  test("servers on loopback can be reached", async () => {
    const { stdout } = await linux.cell(
      "httpd -p 127.0.0.1:8123 -h /etc; curl -s http://127.0.0.1:8123/hostname; pkill httpd",
    );
    expect(stdout).toBe("kroma\n");
  });

  test("licences of what the image holds are in it", async () => {
    const { stdout } = await linux.cell("ls /usr/share/doc/*/copyright | wc -l");
    expect(Number(stdout)).toBeGreaterThan(150);
    const list = await linux.cell(
      "cut -f4 /usr/share/doc/kroma/packages | grep ^/ | xargs ls | wc -l; grep -c -P '\\t-$' /usr/share/doc/kroma/packages; grep ^make /usr/share/doc/kroma/packages | cut -f1,3,4; grep -c linux-image /usr/share/doc/kroma/packages",
    );
    const [found, ...rest] = list.stdout.trim().split("\n");
    expect(Number(found)).toBeGreaterThan(170);
    expect(rest).toEqual(["0", "make\tmake-dfsg\t/usr/share/doc/make/copyright", "1"]);
  });
});

describe("the workspace", () => {
  test("files are the notebook's real files, both ways and at once", async () => {
    await writeFile(join(linux.folder, "from-host.txt"), "host\n");
    const { stdout } = await linux.cell(
      "pwd; cat from-host.txt; echo guest > from-guest.txt; mkdir -p d; ln -sf ../from-host.txt d/link; cat d/link",
    );
    expect(stdout).toBe("/workspace\nhost\nhost\n");
    expect(await readFile(join(linux.folder, "from-guest.txt"), "utf8")).toBe("guest\n");
    await writeFile(join(linux.folder, "from-host.txt"), "HOST\n");
    expect((await linux.cell("cat from-host.txt")).stdout).toBe("HOST\n");
  });

  test("the kroma command sets, gets, lists and removes values", async () => {
    const { stdout, stderr, status } = await linux.cell(
      `kroma set n 42; kroma get n; kroma set o '{"a": [1, "x"]}'; kroma get o; kroma set s 'plain'; kroma get s; kroma get -r s\n` +
        `printf 'two\\nlines\\n' | kroma set t; kroma get t; printf '\\0\\1' | kroma set --bytes b; kroma get b | od -An -tx1; kroma list; kroma remove n o; kroma get n`,
    );
    expect(stdout).toBe(
      '42\n{"a":[1,"x"]}\n"plain"\nplain\n"two\\nlines"\n 00 01\nb\tbin\nn\tjson\no\tjson\ns\tjson\nt\tjson\n',
    );
    expect(stderr).toContain("no value named n; there are: b s t");
    expect(status).toBe("error");
  });

  test("a NumPy file is read as JSON lists", async () => {
    const header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }".padEnd(117) + "\n";
    const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]);
    const bytes = Buffer.concat([
      head,
      Buffer.from(header),
      Buffer.from(new Float64Array([1, 2.5, Number.NaN, -4]).buffer),
    ]);
    await writeFile(join(linux.folder, "m.npy"), bytes);
    const { stdout } = await linux.cell(
      "mkdir -p .kroma/values; cp m.npy .kroma/values/m.npy; kroma get m; kroma get --bytes m | wc -c",
    );
    expect(stdout).toBe(`[[1,2.5],[{"$kroma":"float","value":"NaN"},-4]]\n${bytes.length}\n`);
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
