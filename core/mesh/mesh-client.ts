/** A page's side of the mesh: asks, and keeps the latest of what it was told. */
import type { Channel } from "../base/channel.ts";
import type { KromaError } from "../base/errors.ts";
import { fromWireError } from "../base/errors.ts";
import { Emitter } from "../base/events.ts";
import { randomId, type DocumentId } from "../base/ids.ts";
import type { Link } from "./link.ts";
import type { ShownRun } from "./live-runs.ts";
import { portOfLink } from "./link-port.ts";
import type { OfferedModel } from "./offered-model.ts";
import type { FromMesh, JoinTerms, Links, MeshRequest, OwnKeys, Sharing, ToMesh } from "./messages.ts";
import type { PresenceState } from "./presence.ts";

type WithoutId<R> = R extends { readonly id: string } ? Omit<R, "id"> : never;

const NO_RUNS: readonly ShownRun[] = [];

/** Gives a block of a model that this page offers in a notebook; undefined for every other. */
export type GiveBlock = (document: DocumentId, cid: string) => Promise<Uint8Array | undefined>;

export class MeshClient {
  readonly #channel: Channel<FromMesh, ToMesh>;
  readonly #waiting = new Map<string, (answer: Extract<FromMesh, { readonly parent: string }>) => void>();
  readonly #sharings = new Map<DocumentId, Sharing>();
  readonly #runs = new Map<DocumentId, readonly ShownRun[]>();
  readonly #changed = new Emitter<void>();
  #documents: readonly DocumentId[] = [];
  #keys: OwnKeys | undefined;
  #links: Links = { peers: [], troubles: [] };

  /** Without `giveBlock` nothing is offered from here. */
  constructor(channel: Channel<FromMesh, ToMesh>, giveBlock?: GiveBlock) {
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
        case "block_wanted":
          void this.#give(message, giveBlock);
          return;
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

  /** From now on, and for as long as this page lives, these models of a notebook are given to its members. */
  offerModels(document: DocumentId, models: readonly OfferedModel[]): void {
    this.#channel.send({ type: "offer_models", document, models });
  }

  /** A block of a model that others of the notebook give, checked; undefined when none of them did. */
  async modelBlock(document: DocumentId, cid: string): Promise<Uint8Array | undefined> {
    return ((await this.#ask({ type: "model_block", document, cid })) as { bytes?: Uint8Array }).bytes;
  }

  setPresence(document: DocumentId, state: PresenceState | undefined): void {
    this.#channel.send({ type: "presence", document, state });
  }

  /** Lends a link: from here on the mesh speaks over it. */
  addLink({ path, local, remote, dialled, ...link }: Link): void {
    const port = portOfLink(link);
    this.#channel.send({ type: "link", port, path, local, remote, dialled }, [port]);
  }

  async #give(
    { id, document, cid }: Extract<FromMesh, { readonly type: "block_wanted" }>,
    give: GiveBlock | undefined,
  ): Promise<void> {
    let bytes: Uint8Array | undefined;
    try {
      bytes = await give?.(document, cid);
    } catch {
      // Damaged, or gone meanwhile: it is not given, and another member is asked.
    }
    this.#channel.send({ type: "block_given", parent: id, ...(bytes ? { bytes } : {}) });
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
