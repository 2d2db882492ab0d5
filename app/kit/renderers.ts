/**
 * The facet through which plugins show outputs. A renderer is data; the code that draws is loaded when an output of
 * its type first comes into view.
 */
import type { Channel } from "#core/base/channel.ts";
import type { CommClose, CommMessage, CommOpen } from "#core/kernel/messages.ts";
import type { MimeBundle } from "#core/kernel/mime.ts";
import { Facet } from "#core/plugin/facet.ts";
import type { PageDrawing } from "./page-drawing.ts";

export type CommTraffic = CommOpen | CommMessage | CommClose;

/** What a renderer may know of the page around it. */
export interface RenderContext {
  readonly mimeType: string;
  readonly data: unknown;
  readonly bundle: MimeBundle;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** True: the notebook came from elsewhere and is not trusted. HTML is sandboxed either way. */
  readonly foreign: boolean;
  readonly dark: () => boolean;
  /** Called when the theme changes; returns the way to stop. */
  readonly onTheme: (listener: () => void) => () => void;
  /** Widget messages of this notebook's kernels; undefined when no kernel runs. */
  readonly comms: Channel<CommTraffic, CommTraffic> | undefined;
  /** A file of the workspace by its path from the notebook, for pictures and data that an output names; absent: none. */
  readonly file?: ((path: string) => Promise<Blob | undefined>) | undefined;
  /** Writes a file of the workspace, for what a person makes in an output; absent where there is no workspace to write to. */
  readonly keep?: ((path: string, bytes: Uint8Array) => Promise<void>) | undefined;
}

/** Draws one representation. The element is empty; what `render` returns is called before it is removed. */
export interface Drawing {
  render(element: HTMLElement, context: RenderContext): void | (() => void) | Promise<void | (() => void)>;
}

export interface Renderer {
  readonly id: string;
  /** Exact types or a prefix ending in "*". */
  readonly mimeTypes: readonly string[];
  /** Higher is preferred when a bundle has several types; Jupyter's order is the plugins' concern (see plugins/outputs). */
  readonly rank: number;
  load(): Promise<Drawing>;
  /** For a page without scripts; absent: another representation is shown there. */
  loadPage?: (() => Promise<PageDrawing>) | undefined;
}

/** A renderer whose code is asked for once, however many outputs it draws; a failed load is tried again. */
export function lazyRenderer(
  id: string,
  rank: number,
  mimeTypes: readonly string[],
  load: () => Promise<{ readonly drawing: Drawing }>,
  loadPage?: () => Promise<PageDrawing>,
): Renderer {
  let loading: Promise<Drawing> | undefined;
  return {
    id,
    rank,
    mimeTypes,
    loadPage,
    load() {
      loading ??= load().then((module) => module.drawing);
      loading.catch(() => (loading = undefined));
      return loading;
    },
  };
}

/** All renderers, best first. */
export const renderers = Facet.define<Renderer, readonly Renderer[]>("renderers", (list) =>
  [...list].sort((a, b) => b.rank - a.rank),
);

/** The best renderer for a bundle and the type it would show, or undefined when nobody knows any of its types. */
export function chooseRenderer(list: readonly Renderer[], bundle: MimeBundle): Choice | undefined {
  for (const choice of choices(list, bundle)) return choice;
  return undefined;
}

/** A renderer and the type of a bundle that it would show. */
export interface Choice {
  readonly renderer: Renderer;
  readonly mimeType: string;
}

/** All ways to show a bundle, best first. */
export function* choices(list: readonly Renderer[], bundle: MimeBundle): Generator<Choice> {
  const types = Object.keys(bundle);
  for (const renderer of list) {
    for (const pattern of renderer.mimeTypes) {
      for (const mimeType of types) {
        if (pattern.endsWith("*") ? mimeType.startsWith(pattern.slice(0, -1)) : mimeType === pattern)
          yield { renderer, mimeType };
      }
    }
  }
}
