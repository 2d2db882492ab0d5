/** What pages ask of a host, and how it is answered. Where documents are kept and when they go is the host's affair. */
import type { CellId, DocumentId } from "../base/ids.ts";
import { KromaError } from "../base/errors.ts";
import type { BlockStore } from "../store/stores.ts";
import type { BesideDocuments } from "./beside.ts";
import { mergeBack, previewMerge } from "./branches.ts";
import { DocumentHistory } from "./document-history.ts";
import type { EarlierDocuments } from "./earlier-documents.ts";
import { writeFile } from "./formats.ts";
import type { Library } from "./library.ts";
import type { ToDocument } from "./messages.ts";
import type { Run } from "./model.ts";
import type { NewDocuments } from "./new-documents.ts";
import type { OpenDocument } from "./open-document.ts";
import type { Page, Pages } from "./pages.ts";
import { SignedChanges, type SignedBy } from "./signed-changes.ts";

/** What answers are made of. */
export interface PageRequestsOptions {
  readonly pages: Pages;
  readonly library: Library;
  readonly beside: BesideDocuments;
  readonly made: NewDocuments;
  readonly blocks: BlockStore;
  readonly now: () => number;
  /** A document; it is loaded when it is not yet. */
  readonly document: (document: DocumentId) => OpenDocument;
  /** Those that it was in before. */
  readonly earlier: (document: DocumentId) => EarlierDocuments;
  /** What its members have signed of it. */
  readonly signed: (document: DocumentId) => readonly SignedBy[];
  /** It may go from memory, unless somebody has it open. */
  readonly release: (document: DocumentId) => void;
  /** A page has it open once less. */
  readonly leave: (page: Page, document: DocumentId) => void;
  /** It goes on without its history. Fails, with a sentence, when it may not or can't. */
  readonly reseed: (document: DocumentId) => Promise<void>;
  /** A run goes on, or has ended. */
  readonly ran: (document: DocumentId, cell: CellId, run: Run | undefined) => void;
  /** Resolves when everything so far is on disk. */
  readonly flush: () => Promise<void>;
}

type Reply = (value: unknown, transfer?: Transferable[]) => void;
type OnDocument = Extract<ToDocument, { readonly document: DocumentId }>;
type Merge = Extract<OnDocument, { readonly type: "preview_merge" | "merge_back" }>;

export class PageRequests {
  readonly #options: PageRequestsOptions;

  constructor(options: PageRequestsOptions) {
    this.#options = options;
  }

  /** Answers one request. Fails when it can't be done: the page is to be told why. */
  async answer(page: Page, message: ToDocument): Promise<void> {
    const { library, made, flush } = this.#options;
    const reply: Reply = (value, transfer = []) =>
      page.channel.send({ type: "reply", parent: message.id, value }, transfer);
    switch (message.type) {
      case "list":
        await library.load();
        reply({ entries: library.entries });
        return;
      case "create":
        await library.load();
        reply({ document: await made.create(message.title, message.language) });
        return;
      case "import":
        await library.load();
        reply(await made.import(message));
        return;
      case "flush":
        await flush();
        reply({});
        return;
      default:
        await this.#answerOnDocument(page, message, reply);
    }
  }

  async #answerOnDocument(page: Page, message: OnDocument, reply: Reply): Promise<void> {
    const { pages, library, beside, made } = this.#options;
    const { document } = message;
    switch (message.type) {
      case "open": {
        await library.load();
        const opened = this.#document(document);
        await opened.open(({ notebook, heads, fromCache }) => {
          opened.visit(true);
          pages.open(page, document);
          const entry = library.get(document) ?? made.entryOfComing(document) ?? made.list(document, notebook);
          reply({ notebook, heads, entry, fromCache });
        });
        return;
      }
      case "close":
        this.#options.leave(page, document);
        reply({});
        return;
      case "edit":
        reply({ accepted: await this.#document(document).edit(message.cell, message.version, message.updates) });
        break;
      case "change": {
        await library.load();
        const inverse = await this.#document(document).change(message.operations);
        for (const operation of message.operations) {
          if (operation.type !== "set_run" || !page.running.get(document)?.delete(operation.cell)) continue;
          this.#options.ran(document, operation.cell, undefined);
        }
        reply({ inverse });
        break;
      }
      case "run_progress": {
        const running = page.running.get(document) ?? new Set();
        page.running.set(document, running.add(message.cell));
        this.#document(document).progress(message.cell, message.run);
        this.#options.ran(document, message.cell, message.run);
        reply({});
        break;
      }
      case "history":
        reply(await (await this.#history(document)).page(message.from, message.sessions));
        break;
      case "past":
        reply(await (await this.#history(document)).past(message.heads, message.before));
        break;
      case "changed_by":
        reply(await (await this.#history(document)).changedBy(message.which));
        break;
      case "away":
        reply(await (await this.#history(document)).away(await this.#document(document).lastVisit()));
        break;
      case "history_size":
        reply(await (await this.#history(document)).size());
        break;
      case "export":
        replyBytes(reply, writeFile(await this.#document(document).notebook(), message.format));
        break;
      case "reseed":
        await this.#options.reseed(document);
        reply({});
        break;
      case "relay":
        pages.relay(page, document, message.payload);
        reply({});
        return;
      case "open_comments":
        await beside.comments(document).open((threads) => reply({ threads }));
        break;
      case "comment":
        await beside.comments(document).perform(message.operation);
        reply({});
        break;
      case "open_files":
        await beside.files(document).open((shared) => reply(shared));
        break;
      case "change_files":
        await beside.files(document).perform(message.operation);
        reply({});
        break;
      case "read_file":
        replyBytes(reply, await beside.files(document).read(message.path));
        break;
      case "duplicate":
        await library.load();
        reply({ document: await made.duplicate(document) });
        break;
      case "branch":
        await library.load();
        reply({ document: await made.branch(document, message.heads, message.title) });
        break;
      case "preview_merge":
      case "merge_back":
        await library.load();
        await this.#merge(message, reply);
        break;
      case "remove":
        await library.load();
        library.remove(document);
        reply({});
        return;
      case "undelete":
        await library.load();
        library.undelete(document);
        reply({});
        return;
      case "trust":
        await library.load();
        library.trust(document);
        reply({});
        return;
    }
    this.#options.release(document);
  }

  async #merge({ type, document }: Merge, reply: Reply): Promise<void> {
    const { library, release, now } = this.#options;
    const { branchOf } = library.get(document) ?? {};
    if (branchOf === undefined) throw new KromaError("invalid", "This notebook is no branch of another one.");
    if (!library.entries.some((entry) => entry.document === branchOf.document))
      throw new KromaError("missing", "The notebook that this one is a branch of is not in the library any more.");
    const branch = { document: this.#document(document), left: branchOf.heads };
    const original = {
      document: this.#document(branchOf.document),
      earlier: this.#options.earlier(branchOf.document),
    };
    if (type === "preview_merge") reply(await previewMerge(branch, original));
    else {
      await mergeBack(branch, original, now());
      reply({ document: branchOf.document });
    }
    release(branchOf.document);
  }

  #document(document: DocumentId): OpenDocument {
    return this.#options.document(document);
  }

  async #history(document: DocumentId): Promise<DocumentHistory> {
    const open = this.#document(document);
    const signed = new SignedChanges([...this.#options.signed(document), ...(await open.ownChanges())]);
    return new DocumentHistory(open, this.#options.blocks, this.#options.earlier(document), signed);
  }
}

function replyBytes(reply: Reply, bytes: Uint8Array): void {
  reply({ bytes }, [bytes.buffer as ArrayBuffer]);
}
