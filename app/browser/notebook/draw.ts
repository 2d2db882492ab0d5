/** From a MIME bundle to something on the page: the best renderer of the facet, loaded when first needed. */
import type { MimeBundle } from "#core/kernel/mime.ts";
import { chooseRenderer, renderers, type Drawing, type RenderContext, type Renderer } from "#kit/renderers.ts";
import { host } from "../plugins.ts";
import { isDark, onTheme } from "../theme.ts";
import type { PageView } from "./view.ts";

const drawings = new Map<Renderer, Promise<Drawing>>();
const drawn = new Map<Renderer, Drawing>();

/** The renderer and type that a bundle would be shown with. */
export function pick(bundle: MimeBundle): { readonly renderer: Renderer; readonly mimeType: string } | undefined {
  return chooseRenderer(host.get(renderers), bundle);
}

function load(renderer: Renderer): Promise<Drawing> {
  let drawing = drawings.get(renderer);
  if (!drawing) {
    drawing = renderer.load().then((ready) => {
      drawn.set(renderer, ready);
      return ready;
    });
    drawing.catch(() => drawings.delete(renderer));
    drawings.set(renderer, drawing);
  }
  return drawing;
}

/**
 * Draws a bundle into `element` and returns the way to take it away. With `replace` the old drawing stays until the
 * new one is ready, so that nothing jumps.
 */
export function drawBundle(
  element: HTMLElement,
  bundle: MimeBundle,
  metadata: Readonly<Record<string, unknown>>,
  view: Pick<PageView, "session" | "client" | "file" | "keep">,
  options: { readonly replace?: boolean; readonly stopBefore?: (() => void) | undefined } = {},
): () => void {
  const choice = pick(bundle);
  let stopped = false;
  let stop: (() => void) | undefined;
  const clear = (): void => {
    options.stopBefore?.();
    element.replaceChildren();
  };
  if (!choice) {
    clear();
    element.textContent = fallbackText(bundle);
    return () => undefined;
  }
  const context: RenderContext = {
    mimeType: choice.mimeType,
    data: bundle[choice.mimeType],
    bundle,
    metadata,
    foreign: view.client.entry.foreign,
    dark: isDark,
    onTheme,
    comms: view.session.comms,
    file: view.file,
    keep: view.keep,
  };
  const draw = (drawing: Drawing): void => {
    if (stopped) return;
    clear();
    const result = drawing.render(element, context);
    if (result instanceof Promise) {
      result.then(
        (end) => {
          stop = end ?? undefined;
          if (stopped) stop?.();
        },
        (error: unknown) => fail(error),
      );
    } else stop = result ?? undefined;
  };
  const fail = (error: unknown): void => {
    if (stopped) return;
    const note = document.createElement("p");
    note.className = "output-failure";
    note.textContent = `This output (${choice.mimeType}) cannot be shown: ${error instanceof Error ? error.message : String(error)}`;
    element.replaceChildren(note);
  };
  const ready = drawn.get(choice.renderer);
  try {
    if (ready) draw(ready);
    else {
      load(choice.renderer).then(draw).catch(fail);
    }
  } catch (error) {
    fail(error);
  }
  return () => {
    stopped = true;
    stop?.();
  };
}

function fallbackText(bundle: MimeBundle): string {
  const plain = bundle["text/plain"];
  return typeof plain === "string" ? plain : `No view for ${Object.keys(bundle).join(", ") || "an empty output"}`;
}
