/** Cells that are scripts, in a real Linux: run as their first line says, Python by way of the copy that is kept ready. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { interpreterOf, usesPython } from "#kernels/shell/scripts.ts";
import { type Linux, startLinux } from "./harness.ts";

// An emulated Python is slow on a machine that has other work, and nothing here is about time.
vi.setConfig({ testTimeout: 600_000 });

let linux: Linux;
beforeAll(async () => {
  linux = await startLinux({ sources: ["#!/usr/bin/env python3\nprint(1)"] });
}, 900_000);
afterAll(() => linux?.close());

describe("what a first line means", () => {
  test.each([
    ["#!/usr/bin/env python3\n1", "python"],
    ["#! /usr/bin/python3 -u", "python"],
    ["#!/usr/bin/python3.11\r\n1", "python"],
    ["#!/usr/bin/perl -w", "any"],
    ["#!/usr/bin/env -S python3 -c 1", "any"],
    ["#!/opt/python/bin/tool", "any"],
    ["%%bash\n#!/bin/sh", undefined],
    ["echo '#!/bin/sh'", undefined],
  ])("%j", (code, program) => expect(interpreterOf(code)).toBe(program));

  test.each([
    ["python3 -c 'import numpy'", true],
    ["ls | python -m json.tool", true],
    ["pip install --no-index ./x.whl", true],
    ["cat python.txt; ls pipes", false],
    ["sed s/pythonic/x/ f", false],
  ])("%j", (code, uses) => expect(usesPython(code)).toBe(uses));
});

describe("interpreters", () => {
  const cells: readonly (readonly [what: string, code: string, stdout: string])[] = [
    ["sh", "#!/bin/sh\nx=1\necho $x $0", "1 /run/kroma/cell-"],
    ["bash with an option", "#!/bin/bash -e\nfalse || echo on\necho ${BASH_VERSION%%.*}", "on\n5\n"],
    ["perl", "#!/usr/bin/perl -w\nuse strict;\nmy @a = (3, 1, 2);\nprint join(',', sort @a), qq{\\n};", "1,2,3\n"],
    [
      "perl's modules",
      "#!/usr/bin/env perl\nuse JSON::PP;\nuse List::Util 'sum';\nprint encode_json([sum 1..4])",
      "[10]",
    ],
    ["lua", "#!/usr/bin/env lua\nprint(_VERSION, 2^10)", "Lua 5.4\t1024.0\n"],
    ["awk", "#!/usr/bin/awk -f\nBEGIN { print 6 * 7 }", "42\n"],
    ["env -S", "#!/usr/bin/env -S python3 -I -B\nimport sys\nprint(sys.flags.isolated)", "1\n"],
    ["tcc", '#!/usr/bin/tcc -run\n#include <stdio.h>\nint main(void) { printf("%d\\n", 6 * 7); return 0; }', "42\n"],
    ["make", "#!/usr/bin/make -f\nall:\n\t@echo made\n", "made\n"],
    ["sed", "#!/bin/sed -nf\n1p", ""],
  ];
  test.each(cells)("%s", async (_, code, stdout) => {
    const cell = await linux.cell(code);
    expect(cell.stderr).toBe("");
    expect(cell.stdout.startsWith(stdout)).toBe(true);
    expect(cell.status).toBe("ok");
  });

  test("one that is missing gets the message of bash, and its status", async () => {
    const missing = await linux.cell("#!/usr/bin/nope\n1");
    expect(missing.stderr).toMatch(/^bash: \/run\/kroma\/cell-\d+: (\/usr\/bin\/nope: bad interpreter|cannot execute)/);
    expect(missing.error?.evalue).toMatch(/^exit status 12[67]$/);
    const env = await linux.cell("#!/usr/bin/env nope\n1");
    expect(env.stderr).toBe("/usr/bin/env: ‘nope’: No such file or directory\n");
    expect(env.error?.evalue).toBe("exit status 127");
  });

  test("the script has the shell's directory and exported variables, and leaves the shell as it was", async () => {
    await linux.cell("mkdir -p sub; cd sub; export E=exported; own=own");
    const { stdout, error } = await linux.cell('#!/bin/bash\necho "$PWD $E [$own]"\ncd /; E=changed\nexit 3');
    expect(stdout).toBe("/workspace/sub exported []\n");
    expect(error).toEqual({ ename: "ShellError", evalue: "exit status 3" });
    expect((await linux.cell('echo $? "$PWD" $E; cd ..; unset E own')).stdout).toBe("3 /workspace/sub exported\n");
  });

  test("set -e of the shell is not the script's, and does not end the shell", async () => {
    await linux.cell("set -e; alive=yes");
    const { error, stderr } = await linux.cell("#!/bin/sh\nfalse");
    expect(error?.evalue).toBe("exit status 1");
    expect(stderr).toBe("");
    expect((await linux.cell("echo $alive; set +e")).stdout).toBe("yes\n");
  });

  test("an interrupt ends the script and leaves the shell alive", async () => {
    await linux.cell("alive=yes");
    for (const code of [
      "#!/bin/sh\necho go\nsleep 60\necho next",
      "#!/usr/bin/perl\n$| = 1; print qq{go\\n}; sleep 60; print qq{next\\n};",
      "#!/usr/bin/env python3\nimport time\nprint('go', flush=True)\ntime.sleep(60)\nprint('next')",
      "#!/usr/bin/env python3\nimport subprocess\nprint('go', flush=True)\nsubprocess.run(['sleep', '60'])\nprint('next')",
      "#!/usr/bin/env python3\nprint('go', flush=True)\nwhile True: pass",
    ]) {
      const { error, stdout } = await linux.cell(code, { interruptAfter: "go" });
      expect(error?.ename).toBe("KeyboardInterrupt");
      expect(stdout).not.toContain("next");
    }
    expect((await linux.cell("echo $alive; pgrep -c sleep")).stdout).toBe("yes\n0\n");
  });
});

describe("Python", () => {
  const python = (code: string, options = {}) => linux.cell(`#!/usr/bin/env python3\n${code}`, options);
  /** The same script by a Python of its own, from a file in the current directory. */
  const alone = async (code: string) => {
    await writeFile(join(linux.folder, "alone.py"), `#!/usr/bin/env python3\n${code}\n`);
    const result = await linux.cell("/usr/bin/python3 ./alone.py; s=$?; rm alone.py; (exit $s)");
    const rename = (text: string) =>
      text.replaceAll("/workspace/./alone.py", "SCRIPT").replaceAll("./alone.py", "SCRIPT");
    return { ...result, stdout: rename(result.stdout), stderr: rename(result.stderr) };
  };
  const renamed = (text: string) => text.replaceAll(/\/run\/kroma\/cell-\d+/g, "SCRIPT");

  test("it is a copy of one that has NumPy loaded", async () => {
    const { stdout, stderr } = await python(
      "import os, sys\nprint('numpy' in sys.modules, open(f'/proc/{os.getppid()}/cmdline').read().split('\\0')[2])",
    );
    expect(stderr).toBe("");
    expect(stdout).toBe("True --zygote\n");
    expect((await python("import numpy\nprint(numpy.linalg.inv([[2., 0.], [0., 4.]]).tolist())")).stdout).toBe(
      "[[0.5, 0.0], [0.0, 0.25]]\n",
    );
  });

  const scripts: readonly (readonly [what: string, code: string])[] = [
    ["its world", "import sys, os\nprint(sys.argv, sys.executable, sys.path, __name__, os.getcwd(), sys.flags)"],
    [
      "the main module",
      "print(sorted(k for k in globals()), __spec__, __package__)\nimport __main__\nprint(__main__.__file__)",
    ],
    [
      "streams",
      "import sys\nfor s in sys.stdin, sys.stdout, sys.stderr: print(s.name, s.mode, s.encoding, s.errors, s.line_buffering, s.newlines)",
    ],
    [
      "an error",
      "def f(n):\n    return 1 / n\n\ntry:\n    f(0)\nexcept ZeroDivisionError as e:\n    raise ValueError('no') from e",
    ],
    ["a syntax error", "print('not run')\nif True\n    pass"],
    ["an exit with a text", "import sys, atexit\natexit.register(print, 'bye')\nsys.exit('reason')"],
    ["an exit with a status", "import atexit\natexit.register(print, 'bye')\nraise SystemExit(7)"],
    [
      "a thread that outlives the script",
      "import threading, time\nthreading.Thread(target=lambda: (time.sleep(.1), print('late'))).start()\nprint('end')",
    ],
    [
      "a hook of its own",
      "import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__, a[2].tb_lineno)\n1 / 0",
    ],
    ["its own death", "import os\nprint('x', flush=True)\nos.abort()"],
    [
      "processes of its own",
      "import subprocess, multiprocessing\nprint(subprocess.run(['echo', 'hi'], capture_output=True, text=True).stdout)\nif __name__ == '__main__':\n    with multiprocessing.Pool(2) as p: print(p.map(abs, [-1, 2]))",
    ],
    ["a pickle of the main module", "import pickle\nclass C: pass\nprint(pickle.loads(pickle.dumps(C)).__module__)"],
    [
      "many lines to both streams",
      "import sys\nfor i in range(200): print(i, file=sys.stderr if i % 2 else sys.stdout)",
    ],
  ];
  test.each(scripts)("%s: as a Python of its own", async (_, code) => {
    const copy = await python(code);
    const own = await alone(code);
    expect(renamed(copy.stdout)).toBe(own.stdout);
    expect(renamed(copy.stderr)).toBe(own.stderr);
    expect(copy.error?.evalue).toBe(own.error?.evalue);
  });

  test("an error names the cell's line", async () => {
    const { stderr } = await python("x = 1\n\nx.nothing");
    expect(stderr).toMatch(/File "\/run\/kroma\/cell-\d+", line 4, in <module>\n {4}x\.nothing\n/);
  });

  test("input() asks for a line, getpass hides it", async () => {
    const { stdout, inputs } = await python(
      "import getpass\nname = input('Name? ')\nsecret = getpass.getpass()\nprint(name, len(secret))",
      { inputs: ["Ada", "hunter2"] },
    );
    expect(inputs).toEqual([{ password: false }, { password: true }]);
    expect(stdout).toBe("Name? Ada 7\n");
  });

  test("modules beside the notebook are found, also by one that hides a module that is loaded", async () => {
    await writeFile(join(linux.folder, "helper.py"), "VALUE = 42\n");
    expect((await python("import helper\nprint(helper.VALUE)")).stdout).toBe("42\n");
    await writeFile(join(linux.folder, "statistics.py"), "mean = 'mine'\n");
    expect((await python("import statistics\nprint(statistics.mean)")).stdout).toBe("mine\n");
    await linux.cell("rm helper.py statistics.py; rm -rf __pycache__");
  });

  test("random numbers differ from copy to copy", async () => {
    const code = "import random, numpy, os\nprint(random.random(), numpy.random.rand(), os.urandom(4).hex())";
    const [first, second] = [await python(code), await python(code)];
    const numbers = [...first.stdout.trim().split(" "), ...second.stdout.trim().split(" ")];
    expect(new Set(numbers).size).toBe(6);
  });

  test("a virtual environment's Python is the one that `env` finds", async () => {
    await linux.cell("python3 -m venv --without-pip /tmp/venv && . /tmp/venv/bin/activate");
    const { stdout } = await python("import sys\nprint(sys.prefix)");
    await linux.cell("deactivate");
    expect(stdout).toBe("/tmp/venv\n");
    expect((await python("import sys\nprint(sys.prefix)")).stdout).toBe("/usr\n");
  });

  test("PYTHON variables and options are heeded", async () => {
    expect((await linux.cell("export PYTHONHASHSEED=0")).status).toBe("ok");
    const [first, second] = [await python("print(hash('x'))"), await python("print(hash('x'))")];
    await linux.cell("unset PYTHONHASHSEED");
    expect(first.stdout).toBe(second.stdout);
    expect((await linux.cell("#!/usr/bin/python3 -O\nprint(__debug__)")).stdout).toBe("False\n");
  });

  test("descriptors of the shell and files beside them reach the script", async () => {
    await linux.cell("exec 9>fd.txt");
    await python("import os\nos.write(9, b'nine')");
    await linux.cell("exec 9>&-");
    expect(await readFile(join(linux.folder, "fd.txt"), "utf8")).toBe("nine");
  });

  test("a wheel of the workspace is installed and used at once", async () => {
    const made = await python(
      [
        "import zipfile",
        "with zipfile.ZipFile('hello_kroma-1.0-py3-none-any.whl', 'w') as z:",
        "    z.writestr('hello_kroma.py', 'def hi(): return \"hello\"')",
        "    z.writestr('hello_kroma-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: hello-kroma\\nVersion: 1.0\\n')",
        "    z.writestr('hello_kroma-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')",
        "    z.writestr('hello_kroma-1.0.dist-info/RECORD', 'hello_kroma.py,,\\n')",
      ].join("\n"),
    );
    expect(made.stderr).toBe("");
    const { stdout, error } = await linux.cell(
      "pip install -q --no-index --root-user-action=ignore ./hello_kroma-1.0-py3-none-any.whl",
    );
    expect(error).toBeUndefined();
    expect(stdout).toBe("");
    expect((await python("import hello_kroma\nprint(hello_kroma.hi())")).stdout).toBe("hello\n");
  }, 300_000);

  test("without the one that is kept ready a script runs all the same, and it is started again", async () => {
    // A script that still reaches one which is just dying runs all the same, but starts none.
    await linux.cell(
      "pkill -9 -f 'python.py --zygote'; while pgrep -f 'python.py --zygote' >/dev/null; do sleep 0.1; done",
    );
    expect((await python("print('alone')")).stdout).toBe("alone\n");
    await linux.cell(
      "until [ -S /run/kroma/python.sock ] && pgrep -f 'python.py --zygote' >/dev/null; do sleep 0.5; done",
    );
    expect(
      (await python("import os\nprint(open(f'/proc/{os.getppid()}/cmdline').read().count('--zygote'))")).stdout,
    ).toBe("1\n");
  }, 300_000);
});
