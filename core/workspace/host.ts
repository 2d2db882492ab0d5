/**
 * How a workspace is opened: the page (or the CLI) starts a worker (or a thread) that serves a tree over shared
 * memory, and hears from it about changes and trouble. Which tree, is the plugin's: opfs, folder.
 */
import { portChannel, type PortLike } from "../base/channel.ts";
import { fromWireError, KromaError, toWireError, type WireError } from "../base/errors.ts";
import { Emitter } from "../base/events.ts";
import { WorkspaceClient } from "./async-client.ts";
import type { FileTree } from "./file-tree.ts";
import { createWorkspaceMemory, markServerClosed } from "./protocol.ts";
import { serve } from "./server.ts";
import type { Workspace } from "./workspace.ts";

/** Where the bytes are: in the browser's storage, in memory only, or in a real folder. */
export type WorkspaceStorage = "opfs" | "memory" | "folder";

/** An open workspace: a client for whoever opened it, and the memory that kernels get. */
export interface OpenWorkspace {
  readonly workspace: Workspace;
  /** For KernelHost.workspace. */
  readonly shared: SharedArrayBuffer;
  readonly storage: WorkspaceStorage;
  /** What a person should be told about the storage: from the start (kept in memory only), or later (disk full). */
  readonly message: string | undefined;
  onMessage(listener: (message: string | undefined) => void): () => void;
  /** Writes all to disk and ends the server; clients get EIO. */
  close(): Promise<void>;
}

export type ToWorkspaceServer<Location> =
  | { readonly type: "open"; readonly version: 1; readonly shared: SharedArrayBuffer; readonly location: Location }
  | { readonly type: "close" };

export type FromWorkspaceServer =
  | { readonly type: "opened"; readonly storage: WorkspaceStorage; readonly message?: string }
  | { readonly type: "failed"; readonly error: WireError }
  | { readonly type: "changed"; readonly paths: readonly string[] }
  | { readonly type: "trouble"; readonly message: string | undefined }
  | { readonly type: "mistake"; readonly message: string }
  | { readonly type: "closed" };

/** A worker or thread that runs `runWorkspaceServer`. */
export interface ServerWorker {
  readonly port: PortLike;
  terminate(): void;
  /** Called when it fails to load or dies. */
  onError(listener: (message: string) => void): () => void;
}

export interface OpenOptions {
  /** Flags of the memory. */
  readonly flags?: number;
  /** Told of failures that are the server's own mistakes. */
  readonly failed?: (message: string) => void;
}

/**
 * Opens a workspace in a fresh worker. Rejects with `unavailable` if somebody else has it open or the worker cannot
 * start, `corrupt` if it cannot be read; the worker is ended then.
 */
export function openWorkspace<Location>(
  worker: ServerWorker,
  location: Location,
  options: OpenOptions = {},
): Promise<OpenWorkspace> {
  if (typeof SharedArrayBuffer === "undefined") {
    worker.terminate();
    const message = "This page has no shared memory (it is not cross-origin isolated): notebooks have no files here.";
    return Promise.reject(new KromaError("unavailable", message));
  }
  const shared = createWorkspaceMemory(options.flags);
  const channel = portChannel<FromWorkspaceServer, ToWorkspaceServer<Location>>(worker.port);
  const changes = new Emitter<readonly string[]>();
  const messages = new Emitter<string | undefined>();
  const closed = new Emitter<void>();
  let message: string | undefined;
  const say = (next: string | undefined) => {
    message = next;
    messages.emit(next);
  };
  const end = () => {
    markServerClosed(shared);
    channel.close();
    worker.terminate();
    closed.emit();
  };
  return new Promise((resolve, reject) => {
    const died = (reason: string) => {
      end();
      reject(new KromaError("unavailable", `The file server ended: ${reason}`));
      say("The file server ended. Reload the page to reach the notebook's files again.");
    };
    const stopListening = worker.onError(died);
    channel.receive((news) => {
      switch (news.type) {
        case "changed":
          return changes.emit(news.paths);
        case "trouble":
          return say(news.message);
        case "mistake":
          return options.failed?.(news.message);
        case "closed":
          stopListening();
          return end();
        case "failed":
          stopListening();
          end();
          return reject(fromWireError(news.error));
        case "opened": {
          message = news.message;
          const workspace = new WorkspaceClient(shared, { changes: (listener) => changes.on(listener) });
          return resolve({
            workspace,
            shared,
            storage: news.storage,
            get message() {
              return message;
            },
            onMessage: (listener) => messages.on(listener),
            async close() {
              stopListening();
              const done = new Promise<void>((finished) => closed.on(finished));
              channel.send({ type: "close" });
              await done;
            },
          });
        }
      }
    });
    channel.send({ type: "open", version: 1, shared, location });
  });
}

/** A tree that a plugin opened. */
export interface OpenedTree {
  readonly tree: FileTree;
  readonly storage: WorkspaceStorage;
  readonly message?: string | undefined;
}

/** The worker's side: opens a tree when asked, serves it until asked to close. */
export function runWorkspaceServer<Location>(port: PortLike, open: (location: Location) => Promise<OpenedTree>): void {
  const channel = portChannel<ToWorkspaceServer<Location>, FromWorkspaceServer>(port);
  const ending = new AbortController();
  channel.receive((request) => {
    if (request.type === "close") ending.abort();
    else if (request.version === 1) void start(request.shared, request.location);
  });

  async function start(shared: SharedArrayBuffer, location: Location): Promise<void> {
    try {
      const { tree, storage, message } = await open(location);
      channel.send(message === undefined ? { type: "opened", storage } : { type: "opened", storage, message });
      await serve(shared, tree, {
        signal: ending.signal,
        changed: (paths) => channel.send({ type: "changed", paths }),
        trouble: (trouble) => channel.send({ type: "trouble", message: trouble ?? message }),
        failed: (error) => channel.send({ type: "mistake", message: String(error) }),
      });
      channel.send({ type: "closed" });
    } catch (error) {
      channel.send({ type: "failed", error: toWireError(error) });
    }
  }
}
