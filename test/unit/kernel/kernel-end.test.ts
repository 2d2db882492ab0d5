/** The outside end of a kernel: what it holds back, what it knows to be open, and how it speaks for a dead worker. */
import { describe, expect, test } from "vitest";
import { KernelEnd } from "#core/kernel/kernel-end.ts";
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";

function make(signal: AbortSignal = new AbortController().signal) {
  const received: ToKernel[] = [];
  const heard: FromKernel[] = [];
  let ends = 0;
  const end = new KernelEnd(signal, {
    receive: (message) => received.push(message),
    ended: () => (ends += 1),
    ping: () => undefined,
  });
  const reasons: (string | undefined)[] = [];
  end.channel.onClose((reason) => reasons.push(reason));
  return {
    end,
    received,
    heard,
    reasons,
    ends: () => ends,
    listen: () => end.channel.receive((message) => heard.push(message)),
    run: (id: string) => end.channel.send({ type: "execute_request", id, code: "1" }),
  };
}

test("what is said before anyone listens comes first, once", () => {
  const { end, heard, listen } = make();
  end.say({ type: "status", status: "starting" });
  end.say({ type: "status", status: "idle" });
  listen();
  end.say({ type: "status", status: "dead" });
  expect(heard.map((message) => message.type === "status" && message.status)).toEqual(["starting", "idle", "dead"]);
});

test("requests are open from their coming to their reply, in order", () => {
  const { end, received, run } = make();
  for (const id of ["a", "b", "c"]) run(id);
  expect(received.length).toBe(3);
  end.say({ type: "execute_reply", parent: "b", status: "ok", count: 1 });
  end.say({ type: "execute_reply", parent: "unknown", status: "ok", count: 2 });
  expect(end.open.map(({ id }) => id)).toEqual(["a", "c"]);
});

test("a request settled from outside is idle only if it was busy", () => {
  const { end, heard, listen, run } = make();
  listen();
  run("a");
  run("b");
  end.say({ type: "status", status: "busy", parent: "a" });
  end.abortAll();
  expect(heard.slice(1)).toEqual([
    { type: "execute_reply", parent: "a", status: "aborted", count: undefined },
    { type: "status", status: "idle", parent: "a" },
    { type: "execute_reply", parent: "b", status: "aborted", count: undefined },
  ]);
  expect(end.open).toEqual([]);
});

test("only the comms that are open are closed with their worker", () => {
  const { end, heard, listen } = make();
  listen();
  for (const comm of ["x", "y"]) end.say({ type: "comm_open", comm, target: "t", data: {} });
  end.say({ type: "comm_close", comm: "x" });
  heard.length = 0;
  end.closeComms();
  end.closeComms();
  expect(heard).toEqual([{ type: "comm_close", comm: "y" }]);
});

describe("the end", () => {
  test("of a dead kernel: replies, the reason, then the channel", () => {
    const { end, heard, listen, run, reasons, ends } = make();
    listen();
    run("a");
    end.die("it broke");
    end.die("again");
    end.say({ type: "status", status: "idle" });
    run("late");
    expect(heard).toEqual([
      { type: "execute_reply", parent: "a", status: "aborted", count: undefined },
      { type: "status", status: "dead", reason: "it broke" },
    ]);
    expect(reasons).toEqual(["it broke"]);
    expect(ends()).toBe(1);
    expect(end.open).toEqual([]);
  });

  test("by the session or the signal says nothing", () => {
    const abort = new AbortController();
    const byChannel = make();
    const bySignal = make(abort.signal);
    for (const one of [byChannel, bySignal]) one.listen();
    byChannel.end.channel.close();
    abort.abort();
    bySignal.end.channel.close();
    for (const one of [byChannel, bySignal]) {
      expect(one.heard).toEqual([]);
      expect(one.reasons).toEqual([undefined]);
      expect(one.ends()).toBe(1);
    }
  });

  test("of a signal that was over before the start: nothing is to be started", () => {
    const { end } = make(AbortSignal.abort());
    expect(end.over).toBe(true);
  });
});
