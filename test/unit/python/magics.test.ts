/** IPython's habits: what is a magic, what stays Python, and what the magics do. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cells, type RunOptions, startPython } from "./harness.ts";

let python: Cells;
beforeAll(async () => {
  python = await startPython();
}, 60_000);
afterAll(() => python.close());
const run = async (code: string, options?: RunOptions) => await python.run(code, options);

describe("what is no magic stays Python", () => {
  test.each([
    ["a, b = 7, 4\na % b", "3"],
    ["a = 7\na \\\n  % b", "3"],
    ["(a\n  % b,\n!=3)", undefined],
    ["a != b", "True"],
    ["x = a != b\nx", "True"],
    ["x = (a\n% b)\nx", "3"],
    ["s = '''\n!ls\n%time\nwhat?\n'''\ns", "'\\n!ls\\n%time\\nwhat?\\n'"],
    ["s = 'a \\\n!b'\ns", "'a !b'"],
    ['s = "it\'s %d? " % a\ns', '"it\'s 7? "'],
    ["s = f'{a!r:>4}|{{'\ns", "'   7|{'"],
    ["d = {'k': 1}\nf'{d['k']}!'", "'1!'"],
    ["f'''{\na\n}?'''", "'7?'"],
    ["f'{a:%^5}'", "'%%7%%'"],
    ["# !ls\n# what?\n1", "1"],
    ["1 # what?", "1"],
    ["[1,\n!=2]", undefined],
    ["'?'", "'?'"],
    ["x = 1 if a else 2 #?", undefined],
    ["def f(\n  a,\n):\n  return (a\n    %2)\nf(5)", "1"],
    ["a if a else (\n  b\n)", "7"],
    ["'''%s''' % a", "'7'"],
    ["rb'\\'.decode() if 0 else '%'", undefined],
  ])("%j", async (code, expected) => {
    const { result, messages } = await run(code);
    expect(result).toBe(expected);
    expect(messages.some((message) => message.type === "kernel_request")).toBe(false);
  });

  test("lines keep their numbers below magics and continued commands", async () => {
    const { error, traceback } = await run("%time 1\n!echo a \\\n  b\n\n1/0", { shell: () => ({}) });
    expect(error?.line).toBe(5);
    expect(traceback).toContain("1/0\n    ~^~");
    expect((await run("%%time\nx = 1\n1/0")).error?.line).toBe(3);
    expect((await run("\n%%capture\n\n1/0")).error?.line).toBe(4);
  });

  test("a traceback shows the magic as it was written", async () => {
    const { traceback } = await run("x = 1\n%nothing here");
    expect(traceback).toContain("    %nothing here\n");
    expect(traceback).not.toContain("get_ipython");
  });
});

describe("commands", () => {
  const seen: { code: string; capture: boolean; language: string }[] = [];
  const shell: RunOptions = {
    shell: (request) => {
      seen.push(request);
      return { status: "ok", stdout: "one\ntwo\n", exitCode: 0 };
    },
  };
  const last = () => seen.at(-1)?.code.replace(/^\(\n|\n\)$/g, "");

  test("!command goes to the shell as it is", async () => {
    await run("!ls -l | grep 'a b' && echo $HOME ${HOME} $(pwd)", shell);
    expect(last()).toBe("ls -l | grep 'a b' && echo $HOME ${HOME} $(pwd)");
    expect(seen.at(-1)).toMatchObject({ language: "shell", capture: false });
  });

  test("values are put for {expressions} and $names", async () => {
    await run("name = 'a.txt'; n = 3\n!head -n {n + 1} $name {name.upper()} {{print}} $$ {nothing}", shell);
    expect(last()).toBe("head -n 4 a.txt A.TXT {print} $ {nothing}");
  });

  test("locals are seen in functions and loops", async () => {
    await run("def go(inner):\n    !echo {inner} $inner\ngo('deep')", shell);
    expect(last()).toBe("echo deep deep");
    seen.length = 0;
    await run("for i in range(3):\n    if i != 1:\n        !echo {i}", shell);
    expect(seen.map((request) => request.code.match(/echo \d/)?.[0])).toEqual(["echo 0", "echo 2"]);
  });

  test("lines = !command gives the lines", async () => {
    expect((await run("lines = !ls\nlines, lines.n, lines.s, lines.grep('tw')", shell)).result).toBe(
      "(['one', 'two'], 'one\\ntwo', 'one two', ['two'])",
    );
    expect(seen.at(-1)?.capture).toBe(true);
    expect((await run("d = {}\nd['k'] = !ls\nd", shell)).result).toBe("{'k': ['one', 'two']}");
    expect((await run("!!ls", shell)).result).toBe("['one', 'two']");
    expect((await run("x = !true\nx", { shell: () => ({ status: "ok", stdout: "" }) })).result).toBe("[]");
  });

  test("%%bash runs the cell; a failure fails it", async () => {
    await run("%%bash\necho a\n\necho b", shell);
    expect(seen.at(-1)?.code).toBe("echo a\n\necho b\n");
    const failed = await run("%%sh\nfalse", { shell: () => ({ status: "error", exitCode: 3 }) });
    expect(failed.error?.evalue).toContain("exit status 3");
    expect((await run("_exit_code")).result).toBe("3");
  });

  test("%%bash with arguments is a program of its own that reads the cell", async () => {
    await run("%%bash -s 'a b' c\necho $1", shell);
    expect(last()).toBe("bash -s 'a b' c <<'KROMA_END_OF_INPUT'\necho $1\nKROMA_END_OF_INPUT");
    await run("%%script awk -f -\nBEGIN { print 1 }", shell);
    expect(last()).toContain("awk -f - <<");
    await run("%%bash --out text\necho a", shell);
    expect((await run("text")).result).toBe("'one\\ntwo\\n'");
    // stdout and stderr come back as two lines of base64.
    await run("%%sh --out o --err e --no-raise-error\nls", {
      shell: () => ({ status: "error", stdout: "bzEK\nZTEK\n", exitCode: 2 }),
    });
    expect((await run("o, e, _exit_code")).result).toBe("('o1\\n', 'e1\\n', 2)");
    expect((await run("%%sx\nls", shell)).result).toBe("['one', 'two']");
  });

  test("a cell magic may stand under another one", async () => {
    const { stdout } = await run("%%time\n%%bash\necho a", shell);
    expect(seen.at(-1)?.code).toBe("echo a\n");
    expect(stdout).toContain("Wall time");
    expect((await run("%%time\n\n%%capture\n\n1/0")).error?.line).toBe(5);
  });

  test("commands see what was changed in os.environ", async () => {
    await run(
      "%env COLOUR=deep blue\nimport os\nos.environ['PATH'] = '/first:' + os.environ['PATH'] + ':/last'",
      shell,
    );
    await run("!ls", shell);
    expect(last()).toBe("export PATH=/first:$PATH:/last\nexport COLOUR='deep blue'\nls");
    await run("del os.environ['COLOUR']; os.environ['PATH'] = os.environ['PATH'][7:-6]\n!ls", shell);
    expect(last()).toBe("ls");
  });

  test("os.system runs in the shell and gives a wait status", async () => {
    const { result } = await run("import os\nos.waitstatus_to_exitcode(os.system('ls $HOME'))", {
      shell: (request) => {
        seen.push(request);
        return { status: "error", exitCode: 3 };
      },
    });
    expect(result).toBe("3");
    expect(last()).toBe("ls $HOME");
  });

  test("!pip is %pip: the packages of the Linux machine are not Python's", async () => {
    for (const line of ["!pip list", "!python3 -m pip list | head", "!{sys.executable} -m pip list > /dev/null 2>&1"]) {
      const { stdout, messages } = await run(line);
      expect(stdout, line).toContain("Package");
      expect(messages.some((message) => message.type === "kernel_request")).toBe(false);
    }
  });

  test("a failed !command is no error, a missing shell is", async () => {
    expect((await run("!false\n_exit_code", { shell: () => ({ status: "error", exitCode: 1 }) })).result).toBe("1");
    expect((await run("!ls")).error?.evalue).toContain("no Linux shell");
  });

  test("commands run in Python's directory", async () => {
    await run("%mkdir -p sub", shell);
    await run("import os; os.makedirs('/workspace/sub', exist_ok=True)\n%cd /workspace/sub\n!ls", shell);
    expect(last()).toBe("cd /workspace/sub || exit\nls");
    expect((await run("%cd\n%pwd")).result).toBe("'/workspace'");
  });
});

describe("magics without their %", () => {
  test("work as a cell's first line, and where the line is no Python", async () => {
    expect((await run("pwd")).result).toBe("'/workspace'");
    expect((await run("pip list")).stdout).toContain("Package");
    expect((await run("\nx = 1\npip list\nx")).stdout).toContain("Package");
  });

  test.each([
    ["time = 3\ntime", "3"],
    ["time", "3"],
    ["del time\nhist = [1]\nhist[0]", "1"],
    ["def cd(x): return x\ncd(2)", "2"],
    ["cd (4)", "4"],
    ["cd, 1", "(<function __main__.cd(x)>, 1)"],
    ["(\npwd\n) if 0 else 5", "5"],
    ["'''\npwd\npip list\n'''", "'\\npwd\\npip list\\n'"],
  ])("but %j stays Python", async (code, expected) => {
    const { result, error } = await run(code);
    expect(error).toBeUndefined();
    expect(result).toBe(expected);
  });
});

describe("magics", () => {
  test("%precision sets how floats are shown", async () => {
    await run("%precision 3");
    expect((await run("[3.14159265, 2]")).result).toBe("[3.142, 2]");
    await run("%precision %.2e");
    expect((await run("1234.5")).result).toBe("1.23e+03");
    await run("%precision");
    expect((await run("0.1 + 0.2")).result).toBe("0.30000000000000004");
    expect((await run("%precision x")).error?.ename).toBe("UsageError");
  });

  test("%pushd and %popd", async () => {
    expect((await run("%pushd /tmp")).result).toBe("['/workspace']");
    await run("%popd");
    expect((await run("%pwd")).result).toBe("'/workspace'");
  });

  test("%time and %%time give value and time", async () => {
    const line = await run("%time sum(range(1000))");
    expect(line.result).toBe("499500");
    expect(line.stdout).toMatch(/Wall time: [\d.]+ (s|ms|μs|ns)/);
    const cell = await run("%%time\nimport asyncio\nawait asyncio.sleep(0.02)\n'v'");
    expect(cell.result).toBe("'v'");
    expect(cell.stdout).toMatch(/Wall time: \d\d\.?\d* ms/);
    expect((await run("v = %time 3 * 4\nv")).result).toBe("12");
  });

  test("%timeit measures", async () => {
    expect((await run("%timeit -n 5 -r 3 sum(range(100))")).stdout).toMatch(
      /per loop \(mean ± std. dev. of 3 runs, 5 loops each\)/,
    );
    expect((await run("t = %timeit -o -q -n 2 -r 2 pass\nt.loops")).result).toBe("2");
    expect((await run("%%timeit -n 1 -r 1 z = 4\nassert z == 4")).stdout).toContain("1 run, 1 loop");
  });

  test("%%writefile, %run, %ls, %cat of the workspace", async () => {
    expect((await run("%%writefile made.py\nimport sys\nmade = len(sys.argv)\nprint(__name__)\n")).stdout).toBe(
      "Writing made.py\n",
    );
    expect((await run("%run made.py a b\nmade")).result).toBe("3");
    expect((await run("%ls *.py")).stdout).toBe("made.py\n");
    await run("%%writefile -a made.py\nmore = 5");
    expect((await run("import made; made.more")).result).toBe("5");
    expect((await run("%%writefile 'a file.txt'\n%not a magic\n!nor a command")).error).toBeUndefined();
    expect((await run("open('a file.txt').read()")).result).toBe("'%not a magic\\n!nor a command\\n'");
  });

  test("%%capture keeps streams, displays and the result", async () => {
    const captured = await run(
      "%%capture out\nimport sys\nprint('text')\nprint('err', file=sys.stderr)\ndisplay('shown')\n42",
    );
    expect(captured.stdout + captured.stderr).toBe("");
    expect(captured.messages.some((m) => m.type === "display_data" || m.type === "execute_result")).toBe(false);
    expect((await run("out.stdout, out.stderr, len(out.outputs)")).result).toBe("('text\\n', 'err\\n', 2)");
    const shown = await run("out.show()");
    expect(shown.stdout).toBe("text\n");
    expect(shown.messages.filter((m) => m.type === "display_data").length).toBe(2);
    expect((await run("%%capture\n1/0")).error?.ename).toBe("ZeroDivisionError");
    expect((await run("print('back')")).stdout).toBe("back\n");
  });

  test.each([
    ["html", "text/html"],
    ["markdown", "text/markdown"],
    ["latex", "text/latex"],
    ["javascript", "application/javascript"],
    ["svg", "image/svg+xml"],
  ])("%%%%%s shows its cell", async (name, mime) => {
    const { messages } = await run(`%%${name}\n<b>%d</b>`);
    expect(messages.find((m) => m.type === "display_data")).toMatchObject({ data: { [mime]: "<b>%d</b>\n" } });
  });

  test("%env, %who, %whos, %reset", async () => {
    expect((await run("%env KROMA_TEST=4 5\nimport os; os.environ['KROMA_TEST']")).result).toBe("'4 5'");
    expect((await run("%env KROMA_TEST")).result).toBe("'4 5'");
    await run("%reset -f\nalpha = 1\nbeta = [1, 2]");
    expect((await run("%who")).stdout).toBe("alpha\t beta\n");
    expect((await run("%whos")).stdout).toMatch(/beta\s+list\s+n=2/);
    await run("%reset -f");
    expect((await run("alpha")).error?.ename).toBe("NameError");
    expect((await run("display, get_ipython")).error).toBeUndefined();
  });

  test("%load_ext, %matplotlib and their kin are taken kindly", async () => {
    for (const line of [
      "%matplotlib inline",
      "%load_ext autoreload",
      "%autoreload 2",
      "%config InlineBackend.figure_format = 'retina'",
      "%pylab inline",
    ]) {
      expect((await run(line)).status, line).toBe("ok");
    }
  });

  test("an unknown magic is a UsageError that names the nearest", async () => {
    const line = await run("%timeti");
    expect(line.error?.ename).toBe("UsageError");
    expect(line.error?.evalue).toContain("Did you mean `%timeit`?");
    const cell = await run("%%captre\n1");
    expect(cell.error?.evalue).toContain("Did you mean `%%capture`?");
    expect((await run("%frobnicate")).error?.evalue).toContain("`%lsmagic` lists all");
    expect((await run("%writefile a")).error?.evalue).toContain("as the first line of a cell");
  });

  test("name? and name?? tell what it is", async () => {
    await run('def area(w, h=2):\n    """Width times height."""\n    return w * h');
    for (const code of ["area?", "?area", "%pinfo area", "area? "]) {
      expect((await run(code)).stdout, code).toMatch(/Signature: area\(w, h=2\)[^]*Width times height/);
    }
    expect((await run("area??")).stdout).toContain("return w * h");
    expect((await run("nothing_there?")).stdout).toContain("not found");
    expect((await run("%timeit?")).stdout).toContain("-n loops");
    expect((await run("str.upper?\nstr.lower?")).stdout).toMatch(/upper[^]*lower/);
  });

  test("magics of one's own can be registered", async () => {
    await run(
      "from IPython.core.magic import register_line_magic, register_cell_magic\n@register_line_magic\ndef shout(line):\n    return line.upper()\n@register_cell_magic\ndef rev(line, cell):\n    return cell[::-1]",
    );
    expect((await run("%shout abc")).result).toBe("'ABC'");
    expect((await run("%%rev\nabc")).result).toBe("'cba'");
  });

  test("get_ipython() has what libraries use", async () => {
    expect((await run("ip = get_ipython()\nip.user_ns['from_ns'] = 5\nip.run_line_magic('who_ls', '')")).status).toBe(
      "ok",
    );
    expect((await run("from_ns")).result).toBe("5");
    expect((await run("from IPython import get_ipython as g; g() is ip")).result).toBe("True");
    await run("ip.events.register('post_run_cell', lambda *a: print('hook'))\nip.ex('made_by_ex = 1')");
    expect((await run("made_by_ex")).stdout).toContain("hook");
  });
});
