/**
 * What the tests of people need: the boundary to the network as a small object over Solid signals that does what it is
 * asked, a real notebook with its view, and the page around it with all themes.
 */
import axe from "axe-core";
import { batch, createSignal, type JSX } from "solid-js";
import { render } from "solid-js/web";
import { expect } from "vitest";
import { KromaError } from "#core/base/errors.ts";
import type { DocumentId } from "#core/base/ids.ts";
import { defaultSettings } from "#core/kernel/defaults.ts";
import type { EntryHash } from "#core/mesh/entry.ts";
import type { MemberId } from "#core/mesh/identity.ts";
import type { InvitationLink } from "#core/mesh/invitation.ts";
import type { ShownRun } from "#core/mesh/live-runs.ts";
import type { Links, OwnKeys, Sharing, ShownMember } from "#core/mesh/messages.ts";
import type { PresenceState } from "#core/mesh/presence.ts";
import type { Role } from "#core/mesh/roles.ts";
import type { TransportState } from "#core/mesh/transport.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import { Session } from "#core/session/session.ts";
import { createView, type PageView } from "#app/browser/notebook/view.ts";
import type { PageActions } from "#kit/commands.ts";
import type { ManualOffer, Network, NewInvitation } from "#kit/network.ts";
import type { Question } from "#kit/question.tsx";
import { MemoryDocStore } from "#core/store/memory.ts";
import { NameBook } from "#plugins/names/book.ts";
import { Names } from "#plugins/names/names.ts";
import { type TestArtefacts, testArtefacts } from "../ui/artefacts.ts";
import { openPages } from "../ui/kit.ts";
import "#kit/tokens.css";
import "#kit/themes/light.css";
import "#kit/themes/dark.css";
import "#kit/themes/contrast.css";
import "#kit/kit.css";
import "#app/browser/styles/shell.css";
import "#app/browser/styles/notebook.css";
import "#app/browser/styles/editor.css";
import "#app/browser/styles/panels.css";

export const ME = "bme" as MemberId;
export const ANA = "bana" as MemberId;
export const BEN = "bben" as MemberId;

/** A member with that name and role. */
export const member = (id: MemberId, name: string, role: Role): ShownMember => ({ id, name, role, joined: 1 });

/** A notebook that is shared with nobody yet, by oneself. */
export const sharingOf = (document: DocumentId, more: Partial<Sharing> = {}): Sharing => ({
  document,
  me: ME,
  role: "owner",
  members: [member(ME, "Mia Berg", "owner")],
  former: [],
  invitations: [],
  equivocations: [],
  contradictions: [],
  linked: [],
  present: [],
  isHere: true,
  models: [],
  isComing: false,
  filesCame: true,
  trouble: undefined,
  ...more,
});

export interface TestNetwork extends Network {
  /** Puts the world in another state. */
  set(change: {
    readonly sharing?: Sharing | undefined;
    readonly links?: Links;
    readonly keys?: OwnKeys | undefined;
    readonly runs?: readonly ShownRun[];
    readonly transport?: TransportState | undefined;
    readonly elsewhere?: boolean;
  }): void;
  /** The next call that asks others for something fails with this sentence. */
  failNext(sentence: string): void;
  readonly invitations: NewInvitation[];
  readonly joined: InvitationLink[];
  /** What was taken back: the file, and its passphrase. */
  readonly recovered: (readonly [string, string])[];
  readonly told: (PresenceState | undefined)[];
  readonly cancelled: () => number;
}

/** The network of one notebook, in memory. */
export function testNetwork(name = "Mia Berg"): TestNetwork {
  const [sharing, setSharing] = createSignal<Sharing>();
  const [runs, setRuns] = createSignal<readonly ShownRun[]>([]);
  const [links, setLinks] = createSignal<Links>({ peers: [], troubles: [] });
  const [keys, setKeys] = createSignal<OwnKeys>();
  const [transport, setTransport] = createSignal<TransportState>();
  const [elsewhere, setElsewhere] = createSignal(false);
  const [ownName, setOwnName] = createSignal(name);
  let failure: string | undefined;
  let cancelled = 0;
  const work = async (done: () => void): Promise<void> => {
    await Promise.resolve();
    const sentence = failure;
    failure = undefined;
    if (sentence !== undefined) throw new KromaError("unavailable", sentence);
    done();
  };
  const change = (document: DocumentId, next: (now: Sharing) => Partial<Sharing>): void => {
    const now = sharing() ?? sharingOf(document, { members: [member(ME, ownName(), "owner")] });
    setSharing({ ...now, ...next(now) });
  };
  const network: TestNetwork = {
    sharing: (document) => (sharing()?.document === document ? sharing() : undefined),
    runs: () => runs(),
    links,
    keys,
    recoveryFile: async (passphrase) => {
      await work(() => undefined);
      return new TextEncoder().encode(`sealed with ${passphrase}`);
    },
    recover: (file, passphrase) =>
      work(() => void network.recovered.push([new TextDecoder().decode(file), passphrase])),
    transport,
    elsewhere,
    name: ownName,
    setName: (next) => void setOwnName(next),
    share: (document) => work(() => change(document, () => ({}))),
    async invite(document, invitation) {
      await work(() =>
        change(document, ({ invitations }) => ({
          invitations: [
            ...invitations,
            {
              id: `key${invitations.length}`,
              entry: "bentry" as EntryHash,
              ...invitation,
              by: ME,
              state: "open",
              usedBy: [],
            },
          ],
        })),
      );
      network.invitations.push(invitation);
      return `https://kroma.example/#join=${"abc".repeat(150)}`;
    },
    revokeInvitation: (document, id) =>
      work(() => change(document, ({ invitations }) => ({ invitations: invitations.filter((one) => one.id !== id) }))),
    join: (link) =>
      work(() => {
        network.joined.push(link);
        setSharing(sharingOf(link.notebook, { role: undefined, members: [], isHere: false }));
      }),
    setRole: (document, id, role) =>
      work(() =>
        change(document, ({ members }) => ({
          members: members.map((one) => (one.id === id ? { ...one, role } : one)),
        })),
      ),
    remove: (document, id) =>
      work(() =>
        change(document, ({ members, former }) => ({
          members: members.filter((one) => one.id !== id),
          former: [...former, ...members.filter((one) => one.id === id).map((one) => ({ ...one, by: ME, time: 1 }))],
        })),
      ),
    leave: () => work(() => setSharing(undefined)),
    modelBlock: () => Promise.resolve(undefined),
    offerModels: () => undefined,
    setPresence: (_document, state) => void network.told.push(state),
    async offer(): Promise<ManualOffer> {
      await work(() => undefined);
      return {
        text: "OFFER",
        accept: (answer) =>
          work(() => {
            if (answer !== "ANSWER") throw new KromaError("invalid", "This is not the answer to that text.");
          }),
        cancel: () => void cancelled++,
      };
    },
    async answer(offer) {
      await work(() => {
        if (offer !== "OFFER") throw new KromaError("invalid", "This text is not whole. Copy all of it.");
      });
      return "ANSWER";
    },
    set(next) {
      batch(() => {
        if ("sharing" in next) setSharing(next.sharing);
        if (next.links) setLinks(next.links);
        if ("keys" in next) setKeys(next.keys);
        if (next.runs) setRuns(next.runs);
        if ("transport" in next) setTransport(next.transport);
        if (next.elsewhere !== undefined) setElsewhere(next.elsewhere);
      });
    },
    failNext: (sentence) => void (failure = sentence),
    invitations: [],
    joined: [],
    recovered: [],
    told: [],
    cancelled: () => cancelled,
  };
  return network;
}

/** The page's actions over a network: questions are kept and answered as `agree` says, what is said is kept. */
export interface TestPage extends PageActions {
  agree: boolean;
  readonly asked: Question[];
  readonly said: string[];
  readonly opened: string[];
  readonly artefacts: TestArtefacts;
  readonly downloads: { readonly name: string; readonly content: Uint8Array | Blob }[];
  /** What was offered beside what was said. */
  readonly offered: { readonly label: string; readonly run: () => void }[];
}

export function testPage(network: Network): TestPage {
  const page: TestPage = {
    agree: true,
    asked: [],
    said: [],
    opened: [],
    offered: [],
    network,
    openPalette: () => undefined,
    openShortcuts: () => undefined,
    openFind: () => undefined,
    togglePanel: (id) => void page.opened.push(id),
    openPanel: (id) => void page.opened.push(id),
    toast(text, action) {
      page.said.push(text);
      if (action) page.offered.push(action);
    },
    announce: (text) => void page.said.push(text),
    ask: (question) => {
      page.asked.push(question);
      return Promise.resolve(page.agree);
    },
    goToLibrary: () => void page.opened.push("library"),
    newNotebook: () => Promise.resolve(),
    openDocument: (document) => void page.opened.push(document),
    importFiles: () => undefined,
    openArtefact: () => void page.opened.push("open-artefact"),
    download: (name, content) => void page.downloads.push({ name, content }),
    setTheme: () => undefined,
    artefacts: testArtefacts(),
    names: async () =>
      new Names({ book: new NameBook(new MemoryDocStore()), now: Date.now, self: async () => undefined }),
    models: () => Promise.reject(new KromaError("unavailable", "No models here.")),
    downloads: [],
  };
  return page;
}

/** A notebook of these cells, with nothing that could run them. */
export async function openNotebook(sources: readonly string[], now?: () => number) {
  const { host, pages, cells, openInFirst, close } = await openPages(1, sources, now);
  const [client] = pages;
  if (!client) throw new Error("no page");
  const { view, end } = viewOf(client);
  return {
    host,
    client,
    cells,
    view,
    openInFirst,
    close: () => {
      end();
      close();
    },
  };
}

/** The view of an open notebook, and how to end it. */
export function viewOf(client: NotebookClient) {
  const session = new Session({
    notebook: client,
    kernels: [],
    host: {
      spawn: () => {
        throw new KromaError("missing", "No kernel here.");
      },
      asset: (path) => path,
      workspace: undefined,
      settings: defaultSettings,
      foreign: false,
    },
  });
  const machine = {
    usage: () => Promise.resolve(0),
    export: () => Promise.resolve([]),
    reset: () => Promise.resolve(),
  };
  return {
    /** Under a Solid owner only. */
    view: (page: PageActions): PageView => createView(client, session, page, machine),
    end: () => void session.close(),
  };
}

/** Draws it in a box as wide as a panel or as asked; the result has the box and the way to end it. */
export function draw(
  content: () => JSX.Element,
  width = 272,
  element = "main",
): { readonly box: HTMLElement; readonly end: () => void } {
  const box = document.body.appendChild(document.createElement(element));
  box.style.inlineSize = `${width}px`;
  const stop = render(content, box);
  return {
    box,
    end: () => {
      stop();
      box.remove();
      delete document.documentElement.dataset["theme"];
    },
  };
}

/** Fails with what axe finds in the box, in each theme. What changes over a moment is judged as it ends. */
export async function expectAccessible(box: Element): Promise<void> {
  const still = document.head.appendChild(document.createElement("style"));
  still.textContent = "*, ::before, ::after { transition: none !important; animation: none !important; }";
  try {
    for (const theme of ["light", "dark", "contrast"]) {
      document.documentElement.dataset["theme"] = theme;
      const { violations } = await axe.run(box);
      expect(
        violations.map(
          ({ id, nodes }) =>
            `${theme}: ${id}: ${nodes.map(({ html, failureSummary }) => `${html} (${failureSummary})`).join(" ")}`,
        ),
      ).toEqual([]);
    }
  } finally {
    still.remove();
  }
}

/** What is read of an element. */
function textOf(element: Element): string {
  const copy = element.cloneNode(true) as Element;
  for (const decoration of copy.querySelectorAll("[aria-hidden=true]")) decoration.remove();
  return copy.textContent;
}

/** The one element with that role and name in a box; fails when there is none or more. */
export function byRole<E extends HTMLElement = HTMLElement>(box: Element, selector: string, name: string | RegExp): E {
  const found = [...box.querySelectorAll<E>(selector)].filter((element) => {
    const label =
      element.getAttribute("aria-label") ??
      ("labels" in element && (element.labels as NodeListOf<HTMLElement> | null)?.length
        ? [...(element.labels as NodeListOf<HTMLElement>)].map((one) => one.textContent).join(" ")
        : textOf(element));
    return typeof name === "string" ? label?.trim() === name : name.test(label ?? "");
  });
  if (found.length !== 1) throw new Error(`${found.length} of ${selector} are called ${name} in: ${box.textContent}`);
  return found[0] as E;
}
