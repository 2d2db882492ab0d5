/** `display()` and the handle it returns, `clear()`, and what a cell's last expression becomes. */
import type { FromKernel } from "#core/kernel/messages.ts";
import type { MimeBundle } from "#core/kernel/mime.ts";
import { bundleAs, bundleOf } from "./bundle.ts";
import type { Output } from "./output.ts";

/** How a value is shown. */
export interface DisplayOptions {
  /** Show it as this MIME type. */
  readonly mime?: string;
  /** The value is a MIME bundle. */
  readonly raw?: boolean;
  /** The display's id, for updates from elsewhere. */
  readonly id?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Take the place of the display with this id. */
  readonly update?: boolean;
}

type Show = (value: unknown, options: DisplayOptions | string | undefined) => void;

/** A display that can be changed later. */
export class DisplayHandle {
  readonly id: string;
  readonly #show: Show;
  constructor(id: string, show: Show) {
    this.id = id;
    this.#show = show;
  }
  update(value: unknown, options?: DisplayOptions | string): void {
    this.#show(value, options);
  }
}

/** The bundle of a value by what the user asked for; promises are waited for. */
export function bundle(value: unknown, options: DisplayOptions): MimeBundle | Promise<MimeBundle> {
  if (isPromise(value)) return value.then((settled) => bundle(settled, options));
  if (options.raw) return value as MimeBundle;
  return options.mime === undefined ? bundleOf(value) : bundleAs(options.mime, value);
}

function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise;
}

/** display() for cells; `parent` tells whose output it is. */
export function makeDisplay(
  output: Output,
  parent: () => string,
  failed: (error: unknown, parent: string) => void,
): {
  readonly display: (value: unknown, options?: DisplayOptions | string) => DisplayHandle;
  readonly clear: (wait?: boolean) => void;
} {
  let count = 0;
  const seed = Math.random().toString(36).slice(2, 8);
  const show = (
    value: unknown,
    given: DisplayOptions | string | undefined,
    id: string | undefined,
    update: boolean,
  ) => {
    const options = typeof given === "string" ? { mime: given } : (given ?? {});
    const owner = parent();
    const message = (data: MimeBundle): FromKernel => {
      const base = { data, metadata: options.metadata ?? {}, parent: owner };
      if (update) return { type: "update_display_data", ...base, displayId: id! };
      return { type: "display_data", ...base, ...(id === undefined ? {} : { displayId: id }) };
    };
    const made = bundle(value, options);
    if (!(made instanceof Promise)) return output.send(message(made));
    output.send(
      made.then(message).catch((error: unknown) => {
        failed(error, owner);
        return undefined;
      }),
    );
  };
  return {
    display(value, options) {
      const given = typeof options === "string" ? undefined : options;
      const id = given?.id ?? `ts-${seed}-${++count}`;
      show(value, options, id, given?.update ?? false);
      return new DisplayHandle(id, (next, nextOptions) => show(next, nextOptions ?? options, id, true));
    },
    clear: (wait = false) => output.send({ type: "clear_output", wait, parent: parent() }),
  };
}
