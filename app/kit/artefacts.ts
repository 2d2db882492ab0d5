/** Published notebooks as panels and views reach them: the worker that has them, and what the page knows beside it. */
import type { ArtefactAddress } from "#core/artefact/address.ts";
import type { ArtefactClient } from "#core/artefact/client.ts";
import type { SourceFile } from "#core/artefact/files.ts";
import type { LinuxNote } from "#core/artefact/linux-note.ts";
import type { DraftLinux, DraftRuntime } from "#core/artefact/messages.ts";
import type { NotebookSaid } from "#core/artefact/notebook-parts.ts";
import type { Notebook } from "#core/notebook/model.ts";

/** What the browser lets this site store. */
export interface StorageFacts {
  /** Bytes used by all of Kroma, and how many it may be; undefined where the browser does not tell. */
  readonly usage: number | undefined;
  readonly quota: number | undefined;
  /** True when the browser has promised not to clear it by itself. */
  readonly isPersistent: boolean;
}

export interface Artefacts {
  /** The version of Pyodide on which Python cells run in this Kroma. */
  readonly pyodide: string;
  /** The worker that has them, started when it is first asked for. */
  client(): ArtefactClient;
  /** Addresses of gateways that are asked for blocks: those of the settings, and the page's own mirror. */
  sources(): Promise<readonly string[]>;
  /** Asks the browser to keep what is stored, and tells how much that is. */
  storage(): Promise<StorageFacts>;
  /**
   * The files of the page that shows a notebook without Kroma; `paths` are those of the files that go along. With a copy of Kroma
   * beside it, it leads there.
   */
  makePage(
    notebook: Notebook,
    paths: Iterable<string>,
    said: NotebookSaid,
    /** A copy of Kroma that goes along, with the image for its Linux cells. */
    copy: { readonly linux?: LinuxNote | undefined } | undefined,
  ): Promise<readonly SourceFile[]>;
  /** The copy of this Kroma that a notebook needs to run on its own. `unavailable` where its host can't be asked. */
  runtimeFor(notebook: Notebook): Promise<DraftRuntime>;
  /** The Linux image on which shell cells run in this Kroma; undefined where its host does not tell. */
  linux(): Promise<DraftLinux | undefined>;
  /**
   * Gives what is here to whoever asks for it by its CID, for as long as this page is open; the addresses at which they reach it.
   * `unavailable` when this tab can't be reached.
   */
  offer(): Promise<readonly string[]>;
  /** The address that opens an artefact in this Kroma. */
  link(address: ArtefactAddress): string;
  /** Goes to the page of an artefact. */
  show(address: ArtefactAddress): void;
  /** Roots that open or listed notebooks came from, which are never thrown away. */
  roots(): readonly string[];
}
