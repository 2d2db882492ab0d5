/**
 * Variables of the other languages as tables, `FROM people`: the kernels that run are asked for one of that name, as DuckDB looks
 * for the variables of the Python around it. A language gives it as a value, which is taken away once it is read.
 */
import { KromaError } from "#core/base/errors.ts";
import type { KernelReply, KernelRequest } from "#core/kernel/messages.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import { type EncodedValue, findValue, removeValue } from "#core/workspace/values.ts";

const IDENTIFIER = /^[A-Za-z_]\w{0,80}$/;

/** Code that gives a variable under the name of a value: it prints "ok", a sentence that says why not, or nothing. */
const OFFERS: Readonly<Record<string, (name: string, value: string) => string>> = {
  python: (name, value) =>
    `__import__("_kroma.tables", fromlist=["offer"]).offer(${JSON.stringify(name)}, ${JSON.stringify(value)}, globals())`,
  // Of what is global in a worker only lists, objects of lists and Arrow tables count.
  typescript: (name, value) => `try {
    const table = typeof ${name} === "undefined" ? undefined : ${name};
    const isList = (item) => Array.isArray(item) || (ArrayBuffer.isView(item) && !(item instanceof DataView));
    const isTable = (item) =>
      isList(item) ||
      typeof item?.toArray === "function" ||
      (item?.constructor === Object && Object.values(item).length > 0 && Object.values(item).every(isList));
    if (isTable(table)) {
      await kroma.set(${JSON.stringify(value)}, table);
      console.log("ok");
    }
  } catch (error) {
    console.log(error.message);
  }`,
};

export class Variables {
  readonly #connect: () => SyncFs;
  readonly #post: (message: KernelRequest) => void;
  readonly #waiting = new Map<string, (reply: KernelReply | undefined) => void>();
  #count = 0;

  constructor(connect: () => SyncFs, post: (message: KernelRequest) => void) {
    this.#connect = connect;
    this.#post = post;
  }

  /** The variable of that name on behalf of a request; undefined if nobody has one. Throws why it can't come here. */
  async find(name: string, parent: string): Promise<EncodedValue | undefined> {
    if (!IDENTIFIER.test(name)) return undefined;
    const value = `_sql.${name}`;
    for (const [language, offer] of Object.entries(OFFERS)) {
      const reply = await this.#ask(language, offer(name, value), parent);
      const said = reply?.status === "ok" ? (reply.stdout ?? "").trim() : "";
      if (said === "") continue;
      if (said !== "ok") throw new KromaError("invalid", `${name} can't be read as a table. ${said}`);
      const files = this.#connect();
      const found = findValue(files, value);
      removeValue(files, value);
      return found;
    }
    return undefined;
  }

  hear(reply: KernelReply): void {
    this.#waiting.get(reply.parent)?.(reply);
    this.#waiting.delete(reply.parent);
  }

  /** Waits for nobody any more. */
  stop(): void {
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }

  #ask(language: string, code: string, parent: string): Promise<KernelReply | undefined> {
    this.#count += 1;
    const id = `sql-${this.#count}`;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#post({ type: "kernel_request", id, parent, language, code, capture: true, ifRunning: true });
    });
  }
}
