/** Programs that Python starts, on a real bash: subprocess, os.system, os.popen. */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cells, type RunOptions, startPython } from "./harness.ts";

let python: Cells;
beforeAll(async () => {
  python = await startPython();
  await python.run("import subprocess, sys, os");
}, 60_000);
afterAll(() => python.close());

const shell: RunOptions["shell"] = ({ code }) => {
  const { status, stdout } = spawnSync("bash", ["-c", code], { encoding: "utf8" });
  return { status: status === 0 ? "ok" : "error", stdout, exitCode: status ?? 1 };
};
const run = async (code: string) => await python.run(code, { shell });
const result = async (code: string) => (await run(code)).result;

describe("subprocess", () => {
  test.each([
    ["subprocess.run(['printf', '%s|', 'a b', '$HOME'], capture_output=True, text=True).stdout", "'a b|$HOME|'"],
    ["subprocess.check_output('echo $((1+2))', shell=True)", "b'3\\n'"],
    ["subprocess.check_output(['sort'], input='b\\na\\n', text=True)", "'a\\nb\\n'"],
    ["subprocess.run('echo o; echo e >&2; exit 3', shell=True, capture_output=True)", /stdout=b'o\\n', stderr=b'e\\n'/],
    ["subprocess.run('exit 3', shell=True).returncode", "3"],
    ["subprocess.run(['sh', '-c', 'kill -9 $$']).returncode", "-9"],
    ["subprocess.getstatusoutput('echo x; exit 4')", "(4, 'x')"],
    [
      "subprocess.run(['head', '-c', '3'], input=bytes(range(200, 206)), stdout=subprocess.PIPE).stdout",
      "b'\\xc8\\xc9\\xca'",
    ],
    ["subprocess.run(['sh', '-c', 'echo $Q'], env={'Q': 'a b'}, capture_output=True).stdout", "b'a b\\n'"],
    ["subprocess.run(['pwd'], cwd='/', capture_output=True).stdout", "b'/\\n'"],
    ["os.popen('echo popen').read()", "'popen\\n'"],
  ])("%s", async (code, expected) => {
    if (typeof expected === "string") expect(await result(code)).toBe(expected);
    else expect(await result(code)).toMatch(expected);
  });

  test("what is not captured is shown", async () => {
    const { stdout, stderr } = await run("subprocess.call('echo o; echo e >&2', shell=True)");
    expect([stdout, stderr]).toEqual(["o\n", "e\n"]);
  });

  test("a pipe is given before the program starts, and files are read and written", async () => {
    expect(
      await result(
        "p = subprocess.Popen(['cat', '-n'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)\n" +
          "p.stdin.write('x\\n')\np.stdin.close()\np.stdout.read(), p.wait()",
      ),
    ).toBe("('     1\\tx\\n', 0)");
    expect(
      await result(
        "open('/tmp/in', 'w').write('hello')\nwith open('/tmp/in') as i, open('/tmp/out', 'w') as o:\n" +
          "    subprocess.run(['tr', 'a-z', 'A-Z'], stdin=i, stdout=o, check=True)\nopen('/tmp/out').read()",
      ),
    ).toBe("'HELLO'");
    expect(await result("[line for line in subprocess.Popen(['seq', '2'], stdout=subprocess.PIPE).stdout]")).toBe(
      "[b'1\\n', b'2\\n']",
    );
  });

  test("errors are those of the standard library", async () => {
    expect((await run("subprocess.run(['no-such-program'])")).error?.ename).toBe("FileNotFoundError");
    expect((await run("subprocess.check_call('exit 2', shell=True)")).error?.evalue).toContain("exit status 2");
    expect((await run("subprocess.run(['sleep', '60'], timeout=0.2)")).error?.ename).toBe("TimeoutExpired");
    expect((await run("subprocess.run([sys.executable, '-m', 'pip', 'install', 'x'])")).error?.evalue).toContain(
      "%pip install x",
    );
    expect((await python.run("subprocess.run(['ls'])")).error?.evalue).toContain("no Linux shell");
    // A shell that is refused or ends in the middle has no exit status.
    const { error } = await python.run("subprocess.run(['ls'])", { shell: () => ({ status: "error" }) });
    expect(error?.ename).toBe("RuntimeError");
  });
});
