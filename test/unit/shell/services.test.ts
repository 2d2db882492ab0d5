/** What programs of a real Linux get from the notebook, and what it hears of what runs there; the test plays the session. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { MachineActivity } from "#core/kernel/machine.ts";
import type { FromKernel, KernelRequest, ToKernel } from "#core/kernel/messages.ts";
import { type Linux, startLinux } from "./harness.ts";

// A dozen commands in an emulated machine, on a computer that others share.
vi.setConfig({ testTimeout: 300_000 });

let linux: Linux;
/** A server of this computer, which the machine's programs may reach, as "host:port". */
let host: string;
const server = createServer((request, response) => response.end(`${request.method} ${request.url}\n`));
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  linux = await startLinux({ settings: { webHosts: [host] } });
}, 600_000);
afterAll(async () => {
  server.close();
  await linux?.close();
});

/** The next message that passes. */
function heard<M extends FromKernel>(pass: (message: FromKernel) => message is M): Promise<M> {
  return new Promise((resolve) => {
    const stop = linux.channel.receive((message) => {
      if (!pass(message)) return;
      stop();
      resolve(message);
    });
  });
}
const isRequest = (message: FromKernel): message is KernelRequest => message.type === "kernel_request";

/** Answers kernel_requests until it is stopped; gives the requests. */
function answering(answer: (request: KernelRequest, send: (message: ToKernel) => void) => void) {
  const requests: KernelRequest[] = [];
  const stop = linux.channel.receive((message) => {
    if (!isRequest(message)) return;
    requests.push(message);
    answer(message, (reply) => linux.channel.send(reply));
  });
  return { requests, stop };
}

describe("kroma", () => {
  test("help and version are as on any Unix", async () => {
    const description = JSON.parse(await readFile(new URL("../../../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    const { stdout, stderr } = await linux.cell(
      "kroma --version; kroma --help | head -n 1; kroma help display | head -n 1; kroma py --help | head -n 1; kroma; echo $?; kroma frob; echo $?; kroma open x; echo $?",
    );
    expect(stdout).toBe(
      `kroma ${description.version}\nusage: kroma VERB ...\nusage: kroma display [--mime TYPE] FILE|-\nusage: kroma py EXPR\n2\n2\n2\n`,
    );
    expect(stderr).toContain("kroma: there is no verb frob; try: kroma help");
    expect(stderr).toContain("kroma open: not a port: x");
  });

  test("py and ts stream text and errors apart, give the status, and say whose cell it is", async () => {
    const { requests, stop } = answering((request, send) => {
      const parent = request.id;
      if (request.code === "fail") send({ type: "kernel_output", parent, name: "stderr", text: "ValueError: no\n" });
      else send({ type: "kernel_output", parent, name: "stdout", text: `${request.code}!\n` });
      send({ type: "kernel_reply", parent, status: request.code === "fail" ? "error" : "ok" });
    });
    const { stdout, stderr, messages } = await linux.cell(
      "kroma py 'é \"quoted\"'; printf 'a\\nb' | kroma ts; echo [$(kroma py -  <<< x)]; kroma py fail; echo $?; head -c 5000000 /dev/zero | kroma py; echo $?",
    );
    stop();
    expect(stdout).toBe('é "quoted"!\na\nb!\n[x !]\n1\n1\n');
    expect(stderr).toBe("ValueError: no\nkroma: py takes at most 4 MiB\n");
    const parent = messages.find((message) => message.type === "execute_reply")?.parent;
    expect(requests[0]).toMatchObject({ language: "python", streams: true, capture: false, parent });
    expect(requests[1]).toMatchObject({ language: "typescript", code: "a\nb", parent });
  });

  test("what ends the program gives the call up, and a call from a terminal is no cell's", async () => {
    const asked = heard(isRequest);
    const cancelled = heard((message) => message.type === "kernel_cancel");
    await linux.cell("kroma py slow & pid=$!; sleep 0.5; kill -INT $pid; kill $pid; wait $pid; true");
    expect((await cancelled).request).toBe((await asked).id);

    const fromTerminal = heard(isRequest);
    linux.channel.send({ type: "terminal_open", terminal: "t1", columns: 80, rows: 24 });
    linux.channel.send({ type: "terminal_input", terminal: "t1", data: new TextEncoder().encode("kroma py 1\r") });
    expect((await fromTerminal).parent).toBeUndefined();
    const given = heard((message) => message.type === "kernel_cancel");
    linux.channel.send({ type: "terminal_input", terminal: "t1", data: Uint8Array.of(3) });
    await given;
    linux.channel.send({ type: "terminal_close", terminal: "t1" });
  });

  test("display shows a file in its place between the output, and refuses what it cannot", async () => {
    const { messages, stdout, stderr } = await linux.cell(
      "echo before; printf 'a,b\\n1,2\\n' | kroma display --mime text/csv -; echo after; printf '\\0\\1' > blob; kroma display blob; echo $?; kroma display none; rm blob",
    );
    const order = messages.flatMap((message): unknown[] =>
      message.type === "stream" && message.name === "stdout"
        ? message.text.trim().split("\n")
        : message.type === "display_data"
          ? [message.data]
          : [],
    );
    expect(order).toEqual(["before", { "text/csv": "a,b\n1,2\n", "text/plain": "a,b\n1,2\n" }, "after", "1"]);
    expect(stdout).toBe("before\nafter\n1\n");
    expect(stderr).toContain("nobody knows how to show blob");
    expect(stderr).toContain("kroma: none: No such file or directory");
  });
});

const isActivity = (message: FromKernel): message is MachineActivity => message.type === "machine_activity";

describe("what runs", () => {
  test("K15, K16: ports and jobs that outlive their cell are told, and a job can be ended", async () => {
    const names = ["busybox httpd -f -p 8123 -h /tmp/site", "( sleep 7777 )"];
    const started = heard(
      (message): message is MachineActivity =>
        isActivity(message) &&
        message.ports.length > 0 &&
        message.jobs.length === 2 &&
        message.jobs.every(({ name }, index) => name === names[index]),
    );
    await linux.cell("mkdir -p /tmp/site; busybox httpd -f -p 8123 -h /tmp/site & (sleep 7777; true) &");
    const { jobs, ports } = await started;
    expect(ports).toEqual([8123]);
    expect(jobs.map(({ name }) => name)).toEqual(names);
    expect(Math.abs(Date.now() - (jobs[0]?.since ?? 0))).toBeLessThan(600_000);
    const ended = heard((message): message is MachineActivity => isActivity(message) && message.jobs.length === 1);
    linux.channel.send({ type: "job_end", pid: 1 });
    linux.channel.send({ type: "job_end", pid: jobs[1]?.pid ?? 0 });
    expect((await ended).jobs.map(({ name }) => name)).toEqual([jobs[0]?.name]);
    expect((await linux.cell("pgrep -f 7777")).status).toBe("error");
  });

  test("K17: a server's pages and files come with their heads, whole, several at once", async () => {
    await linux.cell("echo '<h1>Hello</h1>' > /tmp/site/index.html; seq 400000 > /tmp/site/big.txt");
    const ask = (path: string, method = "GET") => answerOf({ port: 8123, path, method });
    const [page, big, none, head] = await Promise.all([ask("/"), ask("/big.txt"), ask("/none"), ask("/", "HEAD")]);
    expect(page).toMatchObject({ status: 200, text: "<h1>Hello</h1>\n", error: undefined });
    expect(page.headers.find(([name]) => name === "content-type")?.[1]).toBe("text/html");
    expect(big.text.length).toBe(2_688_895);
    expect(big.text.endsWith("\n399999\n400000\n")).toBe(true);
    expect(none.status).toBe(404);
    expect(head).toMatchObject({ status: 200, text: "", error: undefined });
  });

  test("K17: chunks, other protocols and closed ports are told apart", async () => {
    await linux.cell(
      "(printf 'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n4\\r\\nWiki\\r\\n'; sleep 0.2; printf '6\\r\\npedia \\r\\n0\\r\\n\\r\\n') | busybox nc -l -p 8201 > /tmp/asked &\n" +
        "echo '220 mail' | busybox nc -l -p 8202 > /dev/null & sleep 0.5",
    );
    expect(
      await answerOf({ port: 8201, path: "/x?y=1", method: "POST", body: new TextEncoder().encode("sent") }),
    ).toMatchObject({
      status: 200,
      text: "Wikipedia ",
    });
    expect((await linux.cell("cat /tmp/asked")).stdout.replaceAll("\r", "")).toMatch(
      /^POST \/x\?y=1 HTTP\/1\.1\nHost: localhost:8201\nConnection: close\nContent-Length: 4\n\nsent$/,
    );
    expect((await answerOf({ port: 8202, path: "/" })).error).toMatch(/does not speak HTTP/);
    expect((await answerOf({ port: 8203, path: "/" })).error).toBe(
      "Nothing listens at port 8203 of the Linux machine.",
    );
  });

  test("K18: a program asks for the preview", async () => {
    const asked = heard((message) => message.type === "port_open");
    await linux.cell("kroma open 8123/docs?x=1; killall busybox");
    expect(await asked).toEqual({ type: "port_open", port: 8123, path: "/docs?x=1" });
  });
});

describe("the web", () => {
  test("programs reach an allowed host by kroma fetch and by the proxy", async () => {
    const { stdout, stderr } = await linux.cell(
      `kroma fetch http://${host}/a; kroma fetch -o got http://${host}/b && cat got; rm got; curl -s --noproxy '' http://${host}/c; no_proxy= wget -qO- http://${host}/d; curl -sI --noproxy '' http://${host}/e | head -n 1 | tr -d '\\r'`,
    );
    expect(stderr).toBe("");
    expect(stdout).toBe("GET /a\nGET /b\nGET /c\nGET /d\nHTTP/1.1 200 OK\n");
  });

  test("K19: what is not allowed fails in words and is told to the page, until it is allowed", async () => {
    const wanted = heard((message) => message.type === "web_wanted");
    linux.channel.send({ type: "web_hosts", hosts: [] });
    const { stdout, stderr } = await linux.cell(
      `kroma fetch http://${host}/a; echo $?; curl -s --noproxy '' http://other.invalid/; curl -s https://other.invalid/; echo $?`,
    );
    expect(await wanted).toEqual({ type: "web_wanted", host });
    expect(stdout).toMatch(/^1\nkroma: this notebook's shell may not reach other\.invalid yet[^]*\n56\n$/);
    expect(stderr).toMatch(/may not reach 127\.0\.0\.1[^]*To get a file: kroma fetch https:\/\/other\.invalid/);
    linux.channel.send({ type: "web_hosts", hosts: [host] });
    expect((await linux.cell(`kroma fetch http://${host}/again`)).stdout).toBe("GET /again\n");
  });

  test("the machine's own servers are its own, whatever asks for them", async () => {
    await linux.cell("mkdir -p /tmp/own; echo own > /tmp/own/x; busybox httpd -p 8300 -h /tmp/own");
    const { stdout } = await linux.cell(
      "wget -qO- http://localhost:8300/x; curl -s http://127.0.0.1:8300/x; killall busybox",
    );
    expect(stdout).toBe("own\nown\n");
  });
});

let last = 0;
/** One request through the channel, as the preview makes it. */
function answerOf(asked: { port: number; path: string; method?: string; body?: Uint8Array<ArrayBuffer> }) {
  const { port, path, method = "GET", body } = asked;
  const id = `http-${++last}`;
  const decoder = new TextDecoder();
  const answer = {
    status: 0,
    headers: [] as (readonly [string, string])[],
    text: "",
    error: undefined as string | undefined,
  };
  return new Promise<typeof answer>((resolve) => {
    const stop = linux.channel.receive((message) => {
      if (!("parent" in message) || message.parent !== id) return;
      if (message.type === "http_response") Object.assign(answer, { status: message.status, headers: message.headers });
      if (message.type === "http_data") {
        answer.text += decoder.decode(message.data, { stream: true });
        linux.channel.send({ type: "http_taken", parent: id, bytes: message.data.length });
      }
      if (message.type !== "http_end") return;
      stop();
      resolve({ ...answer, error: message.error });
    });
    linux.channel.send({ type: "http_request", id, port, path, method, headers: [], ...(body ? { body } : {}) });
  });
}
