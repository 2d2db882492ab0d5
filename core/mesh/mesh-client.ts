/** A page's side of the mesh: asks, and keeps the latest of what it was told. */
import type { Channel } from "../base/channel.ts";
import type { KromaError } from "../base/errors.ts";
import { fromWireError } from "../base/errors.ts";
import { Emitter } from "../base/events.ts";
import { randomId, type DocumentId } from "../base/ids.ts";
import type { Link } from "./link.ts";
import type { ShownRun } from "./live-runs.ts";
import { portOfLink } from "./link-port.ts";
import type { FromMesh, JoinTerms, Links, MeshRequest, OwnKeys, Sharing, ToMesh } from "./messages.ts";
import type { PresenceState } from "./presence.ts";

type WithoutId<R> = R extends { readonly id: string } ? Omit<R, "id"> : never;

const NO_RUNS: readonly ShownRun[] = [];

export class MeshClient {
  readonly #channel: Channel<FromMesh, ToMesh>;
  readonly #waiting = new Map<string, (answer: Extract<FromMesh, { readonly parent: string }>) => void>();
  readonly #sharings = new Map<DocumentId, Sharing>();
  readonly #runs = new Map<DocumentId, readonly ShownRun[]>();
  readonly #changed = new Emitter<void>();
  #documents: readonly DocumentId[] = [];
  #keys: OwnKeys | undefined;
  #links: Links = { peers: [], troubles: [] };

  constructor(channel: Channel<FromMesh, ToMesh>) {
    this.#channel = channel;
    channel.receive((message) => {
      switch (message.type) {
        case "reply":
        case "failed":
          this.#waiting.get(message.parent)?.(message);
          this.#waiting.delete(message.parent);
          return;
        case "shared":
          this.#documents = message.documents;
          for (const document of this.#sharings.keys())
            if (!message.documents.includes(document)) this.#sharings.delete(document);
          break;
        case "sharing":
          this.#sharings.set(message.sharing.document, message.sharing);
          break;
        case "runs":
          this.#runs.set(message.document, message.runs);
          break;
        case "keys":
          this.#keys = message.keys;
          break;
        case "links":
          this.#links = message.links;
      }
      this.#changed.emit();
    });
    channel.onClose(() => {
      for (const settle of this.#waiting.values())
        settle({
          type: "failed",
          parent: "",
          error: {
            code: "unavailable",
            message: "The connection to the documents has ended.",
          },
        });
    });
  }

  /** The notebooks that are shared. */
  get documents(): readonly DocumentId[] {
    return this.#documents;
  }

  /** One's own keys; undefined when there are none, or nothing was told of them yet. */
  get keys(): OwnKeys | undefined {
    return this.#keys;
  }

  get links(): Links {
    return this.#links;
  }

  sharing(document: DocumentId): Sharing | undefined {
    return this.#sharings.get(document);
  }

  /** Runs of others that are under way; the same list while nothing of it has changed. */
  runs(document: DocumentId): readonly ShownRun[] {
    return this.#runs.get(document) ?? NO_RUNS;
  }

  /** Calls `listener` whenever anything of the above has changed. */
  onChanged(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** Does what is asked; rejects with a KromaError that says in words what forbids it. */
  ask(request: WithoutId<Exclude<MeshRequest, { readonly type: "invite" }>>): Promise<void> {
    return this.#ask(request).then(() => undefined);
  }

  /** Makes an invitation: what a link is made of. */
  async invite(request: Omit<Extract<MeshRequest, { readonly type: "invite" }>, "id" | "type">): Promise<JoinTerms> {
    return (await this.#ask({ type: "invite", ...request })) as JoinTerms;
  }

  /** One's keys, enciphered with a passphrase. `denied` when they can't be read any more. */
  async recoveryFile(passphrase: string): Promise<Uint8Array> {
    return ((await this.#ask({ type: "recovery_file", passphrase })) as { file: Uint8Array }).file;
  }

  /** Puts the keys of a recovery file in the place of one's own; gives the name that they bear. */
  async recover(file: Uint8Array, passphrase: string): Promise<string> {
    return ((await this.#ask({ type: "recover", file, passphrase })) as { name: string }).name;
  }

  setPresence(document: DocumentId, state: PresenceState | undefined): void {
    this.#channel.send({ type: "presence", document, state });
  }

  /** Lends a link: from here on the mesh speaks over it. */
  addLink({ path, local, remote, dialled, ...link }: Link): void {
    const port = portOfLink(link);
    this.#channel.send({ type: "link", port, path, local, remote, dialled }, [port]);
  }

  #ask(request: WithoutId<MeshRequest>): Promise<unknown> {
    const id = randomId();
    return new Promise((resolve, reject: (error: KromaError) => void) => {
      this.#waiting.set(id, (answer) => {
        if (answer.type === "failed") reject(fromWireError(answer.error));
        else resolve(answer.value);
      });
      this.#channel.send({ ...request, id } as MeshRequest);
    });
  }
}
