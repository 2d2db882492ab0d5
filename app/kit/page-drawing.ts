/**
 * How an output is drawn for a page without scripts (a published notebook): as a tree of markup (hast), the same in a
 * browser and in Node. No DOM here: what two programs make of one notebook must be the same bytes.
 */
import type { ElementContent } from "hast";
import type { MimeBundle } from "#core/kernel/mime.ts";

/** What a drawing for such a page may know. */
export interface PageContext {
  readonly mimeType: string;
  readonly data: unknown;
  readonly bundle: MimeBundle;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** What ids in this output begin with, so that no two outputs of the page share one. */
  readonly prefix: string;
  /** The address of a picture, sound or film that goes with the page. */
  readonly media: (bytes: Uint8Array, mimeType: string) => Promise<string>;
  /** The address of a file of the workspace, by its path from the notebook; undefined when it does not go with the page. */
  readonly file: (path: string) => string | undefined;
}

/** Draws one representation; undefined when it says nothing without a script: the next best is then taken. */
export interface PageDrawing {
  draw(context: PageContext): readonly ElementContent[] | undefined | Promise<readonly ElementContent[] | undefined>;
}
