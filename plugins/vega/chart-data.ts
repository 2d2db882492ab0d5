/** What a chart may load: https and data addresses, and the notebook's own files when the notebook is trusted. */
import { loader, type Loader } from "vega";

export interface ChartSources {
  readonly foreign: boolean;
  readonly file: ((path: string) => Promise<Blob | undefined>) | undefined;
}

/** Vega's loader, held to that rule. */
export function chartLoader(sources: ChartSources): Loader {
  const base = loader({ target: "_blank", mode: "http" });
  return {
    ...base,
    async sanitize(address: string, options: unknown) {
      const isLink = (options as { context?: string } | undefined)?.context === "href";
      if (
        /^https:\/\//i.test(address) ||
        (isLink && /^(http:\/\/|mailto:)/i.test(address)) ||
        /^data:image\//i.test(address)
      ) {
        return base.sanitize(address, options as never);
      }
      throw new Error(`${address} was not loaded: charts load over https only.`);
    },
    async load(address: string, options: unknown) {
      if (isRelative(address)) {
        if (sources.foreign) throw new Error(`${address} was not loaded: this notebook comes from elsewhere.`);
        const file = await sources.file?.(address.replace(/^\.\//, ""));
        if (!file) throw new Error(`There is no file ${address} beside the notebook.`);
        return file.text();
      }
      if (/^data:[a-z]+\/[\w.+-]+[,;]/i.test(address)) return (await fetch(address)).text();
      try {
        return await base.load.call(this, address, options as never);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        throw new Error(`The data at ${address} could not be loaded.`, { cause: error });
      }
    },
  } as Loader;
}

function isRelative(address: string): boolean {
  return !/^[a-z][a-z0-9+.-]*:|^\/\//i.test(address);
}
