/** The pages that a host serves: which notebooks each has open, which cells it runs, and what they are told. */
import type { Channel } from "../base/channel.ts";
import type { CellId, DocumentId } from "../base/ids.ts";
import type { FromDocument, ToDocument } from "./messages.ts";

/** One page, until its channel closes. */
export interface Page {
  readonly channel: Channel<ToDocument, FromDocument>;
  /** How many times each document is open here. */
  readonly open: Map<DocumentId, number>;
  /** Cells whose runs are under way here. */
  readonly running: Map<DocumentId, Set<CellId>>;
}

export class Pages {
  readonly #pages = new Set<Page>();

  /** A page has come. */
  add(channel: Page["channel"]): Page {
    const page: Page = { channel, open: new Map(), running: new Map() };
    this.#pages.add(page);
    return page;
  }

  /** The page is gone; what it had open is left one by one (`leave`). */
  remove(page: Page): void {
    this.#pages.delete(page);
  }

  /** True when some page has the document open. */
  haveOpen(document: DocumentId): boolean {
    return [...this.#pages].some(({ open }) => open.has(document));
  }

  /** The page has it open, once more. */
  open(page: Page, document: DocumentId): void {
    page.open.set(document, (page.open.get(document) ?? 0) + 1);
  }

  /** The page has it open once less: true when not at all any more. A page that is gone has nothing open. */
  leave(page: Page, document: DocumentId): boolean {
    const count = (page.open.get(document) ?? 0) - 1;
    if (count > 0 && this.#pages.has(page)) page.open.set(document, count);
    else page.open.delete(document);
    return !page.open.has(document);
  }

  /** Tells every page that has the document open. */
  tell(document: DocumentId, event: FromDocument): void {
    for (const { channel, open } of this.#pages) if (open.has(document)) channel.send(event);
  }

  /** Passes what a page says on to the others that have the document open. */
  relay(from: Page, document: DocumentId, payload: unknown): void {
    for (const page of this.#pages) {
      if (page !== from && page.open.has(document)) page.channel.send({ type: "relayed", document, payload });
    }
  }

  tellAll(event: FromDocument): void {
    for (const { channel } of this.#pages) channel.send(event);
  }

  closeAll(): void {
    for (const { channel } of this.#pages) channel.close();
  }
}
