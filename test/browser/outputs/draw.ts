/** Draws bundles as the page does: the registered plugins, the best renderer, a context around it. */
import type { Channel } from "#core/base/channel.ts";
import type { MimeBundle } from "#core/kernel/mime.ts";
import { PluginHost } from "#core/plugin/facet.ts";
import { chooseRenderer, renderers, type CommTraffic, type RenderContext } from "#kit/renderers.ts";
import { data } from "#plugins/data/index.ts";
import { markdown } from "#plugins/markdown/index.ts";
import { outputs } from "#plugins/outputs/index.ts";
import { plotly } from "#plugins/plotly/index.ts";
import { sound } from "#plugins/sound/index.ts";
import { vega } from "#plugins/vega/index.ts";
import { widgets } from "#plugins/widgets/index.ts";

const list = new PluginHost([outputs, data, sound, markdown, vega, plotly, widgets]).get(renderers);

export interface DrawOptions {
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly foreign?: boolean;
  readonly comms?: Channel<CommTraffic, CommTraffic>;
  readonly file?: (path: string) => Promise<Blob | undefined>;
  readonly keep?: (path: string, bytes: Uint8Array) => Promise<void>;
  readonly parent?: HTMLElement;
}

/** The page's theme, as far as drawings see it. */
export const theme = {
  dark: false,
  listeners: new Set<() => void>(),
  set(dark: boolean): void {
    theme.dark = dark;
    document.documentElement.dataset["theme"] = dark ? "dark" : "light";
    for (const listener of theme.listeners) listener();
  },
};

export interface Drawn {
  readonly element: HTMLElement;
  /** What the page sends when the output has grown or changed. */
  update(data: unknown): void;
  remove(): void;
}

/** Draws `bundle` and waits until its renderer says it is done. */
export async function draw(bundle: MimeBundle, options: DrawOptions = {}): Promise<Drawn> {
  const chosen = chooseRenderer(list, bundle);
  if (!chosen) throw new Error("Nobody draws this");
  const element = document.createElement("div");
  element.dataset["output"] = "";
  element.dataset["mime"] = chosen.mimeType;
  (options.parent ?? document.body).append(element);
  const context: RenderContext = {
    mimeType: chosen.mimeType,
    data: bundle[chosen.mimeType],
    bundle,
    metadata: options.metadata ?? {},
    foreign: options.foreign ?? false,
    dark: () => theme.dark,
    onTheme: (listener) => {
      theme.listeners.add(listener);
      return () => theme.listeners.delete(listener);
    },
    comms: options.comms,
    file: options.file,
    keep: options.keep,
  };
  const drawing = await chosen.renderer.load();
  const close = await drawing.render(element, context);
  return {
    element,
    update: (data) => element.dispatchEvent(new CustomEvent("kroma:update", { detail: data })),
    remove() {
      close?.();
      element.remove();
    },
  };
}

/** Resolves when `check` gives something, looking at every frame; the test's own time limit ends it. */
export async function until<T>(check: () => T | undefined | false | null): Promise<T> {
  for (;;) {
    const value = check();
    if (value !== undefined && value !== false && value !== null) return value;
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
}
