/**
 * The machine's way to the web: the page's own `fetch` (Node's on the command line), to hosts that a person has allowed.
 * There is no other network. A host that is not allowed is told to the page, which asks the person; the program gets an
 * error at once and may try again. In a browser a server must permit that other pages read it (CORS).
 */
import { KromaError } from "#core/base/errors.ts";

/** What a program of the machine asks of the web. */
export interface WebQuestion {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array<ArrayBuffer> | undefined;
}

export interface WebParts {
  /** A program wanted to reach this host ("example.org", "127.0.0.1:8080") and may not. */
  readonly onWanted: (host: string) => void;
  readonly fetch?: typeof fetch;
}

/** Hosts that are told as wanted; a program that tries thousands shall not fill the page's memory. */
const MOST_WANTED = 100;

/** Headers that are the connection's or the browser's; of the others, fewer ask for a preflight that servers refuse. */
const NOT_SENT =
  /^(?:host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|accept-encoding|user-agent|cookie|origin|referer|sec-.*|expect|via)$/i;

/** Knows which hosts are allowed. */
export class Web {
  readonly #parts: WebParts;
  #allowed: readonly string[];
  readonly #wanted = new Set<string>();

  constructor(allowed: readonly string[], parts: WebParts) {
    this.#allowed = allowed;
    this.#parts = parts;
  }

  /** From now on these and no others. */
  allow(hosts: readonly string[]): void {
    this.#allowed = hosts;
    this.#wanted.clear();
  }

  isAllowed(url: string): boolean {
    return URL.canParse(url) && isAllowed(new URL(url), this.#allowed);
  }

  /** Asks; throws a KromaError with a sentence for the program's user. */
  async ask({ url, method, headers, body }: WebQuestion, signal: AbortSignal): Promise<Response> {
    const target = this.#checked(url);
    let response: Response;
    try {
      response = await (this.#parts.fetch ?? fetch)(overHttps(target), {
        method,
        headers: headers.filter(([name]) => !NOT_SENT.test(name)) as [string, string][],
        ...(body && body.length > 0 && !/^(?:GET|HEAD)$/.test(method) ? { body } : {}),
        signal,
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
    } catch (error) {
      if (signal.aborted) throw new KromaError("aborted", "it was given up");
      const inPage = "importScripts" in globalThis || "location" in globalThis;
      const reason = inPage ? "it does not answer, or does not permit other pages to read it (CORS)" : causeOf(error);
      throw new KromaError("unavailable", `cannot reach ${target.host}: ${reason}`, { cause: error });
    }
    // A redirect may have led elsewhere; what came from there is not for the program.
    if (response.url !== "") this.#checked(response.url);
    return response;
  }

  #checked(url: string): URL {
    if (!URL.canParse(url)) throw new KromaError("invalid", `not an address: ${url.slice(0, 200)}`);
    const target = new URL(url);
    if (target.protocol !== "http:" && target.protocol !== "https:") {
      throw new KromaError("invalid", `only http and https addresses can be fetched, not ${target.protocol}`);
    }
    if (target.username !== "" || target.password !== "") {
      throw new KromaError("invalid", "an address with a password in it cannot be fetched; send a header instead");
    }
    if (isAllowed(target, this.#allowed)) return target;
    const { host } = target;
    if (!this.#wanted.has(host) && this.#wanted.size < MOST_WANTED) {
      this.#wanted.add(host);
      this.#parts.onWanted(host);
    }
    throw new KromaError(
      "denied",
      `this notebook's shell may not reach ${host} yet. In the page, allow it where it asks and try again; on the command line: kroma run --allow-net ${host}`,
    );
  }
}

/** True if the address's host is in the list: "example.org" (any port), "example.org:8080", "*.example.org". */
export function isAllowed({ host, hostname }: URL, allowed: readonly string[]): boolean {
  return allowed.some((entry) => {
    const name = entry.toLowerCase();
    if (name.startsWith("*.")) return hostname.endsWith(name.slice(1)) && hostname.length > name.length - 1;
    return name === hostname || name === host;
  });
}

/** A page that came over https may fetch only over https. */
function overHttps(target: URL): URL {
  const { location } = globalThis as { readonly location?: { readonly protocol: string } };
  if (location?.protocol !== "https:" || target.protocol === "https:") return target;
  const secure = new URL(target);
  secure.protocol = "https:";
  return secure;
}

function causeOf(error: unknown): string {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error && cause.message !== "") return cause.message;
  if (cause instanceof Error && "code" in cause) return String(cause.code);
  return error instanceof Error ? error.message : String(error);
}
