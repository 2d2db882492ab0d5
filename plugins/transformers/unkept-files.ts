/** Files of the web where nothing can be kept, as in private windows of some browsers: they are fetched each time. */
import { KromaError } from "#core/base/errors.ts";
import { type FetchedFiles, fetchRefusal } from "#core/store/fetched.ts";

/** Fetches and keeps nothing. */
export function unkeptFiles(
  fetch: (url: string, init: { readonly signal: AbortSignal }) => Promise<Response>,
): Pick<FetchedFiles, "get" | "list" | "addPart"> {
  return {
    async get(url, { signal }) {
      const name = new URL(url).pathname.split("/").pop() ?? url;
      let response: Response;
      try {
        response = await fetch(url, { signal });
      } catch (error) {
        signal.throwIfAborted();
        const why = "could not be fetched: the network or its server does not answer.";
        throw new KromaError("unavailable", `${name} ${why}`, { cause: error });
      }
      const { ok, status, statusText, headers } = response;
      if (!ok) {
        await response.body?.cancel();
        throw fetchRefusal(name, status, statusText, headers.get("retry-after"));
      }
      if (headers.get("content-type")?.startsWith("text/html") === true) {
        await response.body?.cancel();
        throw new KromaError("unavailable", `${name} did not come: its server answered with a web page instead.`);
      }
      try {
        return new Uint8Array(await response.arrayBuffer());
      } catch (error) {
        signal.throwIfAborted();
        throw new KromaError("unavailable", `${name} stopped coming in the middle. Try again.`, { cause: error });
      }
    },
    list: () => Promise.resolve([]),
    addPart: () => Promise.resolve(),
  };
}
