/**
 * The module `kroma` of the Linux machine's Python (vm-images/guest/kroma.py), run by Pyodide's with a socket that the test
 * plays: the frames it sends are those of vm-images/agent/CALLS.md, and it shares the values with all other languages.
 */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cells, startPython } from "./harness.ts";

let python: Cells;
beforeAll(async () => {
  python = await startPython();
  const source = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), "utf8");
  const module = JSON.stringify(await source("vm-images/guest/kroma.py"));
  const values = JSON.stringify(await source("kernels/python/python/_kroma/values.py"));
  await python.run(`
import io, os, pathlib, struct, sys
package = pathlib.Path("/tmp/guest/guestkroma")
package.mkdir(parents=True)
(package / "__init__.py").write_text(${module})
(package / "_values.py").write_text(${values})
sys.path.insert(0, "/tmp/guest")
import guestkroma as kroma

sent, answer = [], b""

class Socket:
    def __init__(self, *kind):
        self.data = b""
        sent.append(self)
    def __enter__(self):
        return self
    def __exit__(self, *error):
        pass
    def connect(self, path):
        self.path = path
    def sendall(self, data):
        self.data += data
    def makefile(self, mode):
        return io.BytesIO(answer)

def frame(kind, payload):
    return struct.pack("<IB", len(payload), kind) + payload

class fake:
    AF_UNIX = SOCK_STREAM = 1
    socket = Socket

kroma._socket = fake
`);
}, 60_000);
afterAll(() => python.close());

const result = async (code: string) => {
  const { result: value, error } = await python.run(code);
  return error ? `${error.ename}: ${error.evalue}` : value;
};

describe("the guest's module", () => {
  test("sends a call whose frames are those of the protocol", async () => {
    await python.run("answer = frame(65, b'4') + frame(65, b'2\\n') + frame(69, b'\\0')");
    expect(await result("kroma.py('6 * 7')")).toBe("'42'");
    expect(
      await result("sent[-1].path, sent[-1].data == frame(1, b'\\x01\\0py\\0') + frame(2, b'6 * 7') + frame(3, b'')"),
    ).toBe("('/run/kroma.sock', True)");
    await python.run("kroma.open(8000, '/x')");
    expect(await result("sent[-1].data[:5 + 14]")).toBe(String.raw`b'\x0f\x00\x00\x00\x01\x01\x00open\x008000\x00/x'`);
  });

  test("shows files, bytes and what file objects hold", async () => {
    await python.run("answer = frame(69, b'\\0'); open('/tmp/plot.png', 'wb').write(b'PNG' * 50000)");
    await python.run("kroma.display('/tmp/plot.png')");
    expect(
      await result("sent[-1].data.count(b'PNG'), b'\\0display\\0\\0plot.png\\0' in sent[-1].data, len(sent[-1].data)"),
    ).toMatch(/^\(\d{5}, True, 150\d{3}\)$/);
    await python.run("kroma.display(io.BytesIO(b'<svg/>'), mime='image/svg+xml')");
    expect(await result("b'\\0display\\0image/svg+xml\\0-\\0' in sent[-1].data and b'<svg/>' in sent[-1].data")).toBe(
      "True",
    );
  });

  test("raises what the notebook says, with the status", async () => {
    await python.run("answer = frame(66, b'ValueError: no\\n') + frame(69, b'\\x01')");
    expect(await result("kroma.ts('x')")).toBe("Error: ValueError: no");
    expect(await result("try:\n    kroma.ts('x')\nexcept kroma.Error as e:\n    s = e.status\ns")).toBe("1");
    await python.run("answer = b'\\x01'");
    expect(await result("kroma.fetch('http://x')")).toBe("Error: the notebook hung up");
  });

  test("shares values with the notebook's own Python", async () => {
    expect(await result("kroma.set('guest', {'a': [1, 2.5, 'x', b'y']}); import kroma as own; own.get('guest')")).toBe(
      "{'a': [1, 2.5, 'x', b'y']}",
    );
    expect(await result("own.set('own', float('inf')); kroma.get('own'), 'guest' in kroma.list()")).toBe("(inf, True)");
    expect(await result("kroma.remove('guest'); kroma.get('guest', 'gone')")).toBe("'gone'");
  });
});
