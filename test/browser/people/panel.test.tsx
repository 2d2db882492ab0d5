/** The people panel in every state: not shared, shared, managed, limited, removed; its links, its network, its keys. */
import { userEvent } from "vitest/browser";
import { afterEach, describe, expect, it } from "vitest";
import type { EntryHash } from "#core/mesh/entry.ts";
import type { Sharing } from "#core/mesh/messages.ts";
import { PeoplePanel } from "#plugins/people/panel.tsx";
import { until } from "../ui/kit.ts";
import {
  ANA,
  BEN,
  ME,
  byRole,
  draw,
  expectAccessible,
  member,
  openNotebook,
  sharingOf,
  testNetwork,
  testPage,
  type TestNetwork,
  type TestPage,
} from "./kit.tsx";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

interface Opened {
  readonly box: HTMLElement;
  readonly network: TestNetwork;
  readonly page: TestPage;
  /** Shares the notebook as that says. */
  share(more?: Partial<Sharing>): void;
  readonly cells: readonly string[];
  readonly active: () => string | undefined;
}

async function open(name?: string): Promise<Opened> {
  const notebook = await openNotebook(["a = 1", "b = 2", "c = 3"]);
  closers.push(notebook.close);
  const network = testNetwork(name);
  const page = testPage(network);
  let active: () => string | undefined = () => undefined;
  const { box, end } = draw(() => {
    const view = notebook.view(page);
    active = () => view.active();
    return <PeoplePanel context={{ page, view }} workspace={undefined} />;
  });
  closers.push(end);
  return {
    box,
    network,
    page,
    share: (more) => network.set({ sharing: sharingOf(notebook.client.document, more) }),
    cells: notebook.cells,
    active: () => active(),
  };
}

const said = (box: HTMLElement, text: string): Promise<void> => until(() => box.textContent.includes(text), text);

const THREE = [member(ME, "Mia Berg", "owner"), member(ANA, "Ana", "editor"), member(BEN, "Ben Okoro", "reader")];

describe("a notebook that is not shared", () => {
  it("makes a link by the keyboard alone, after asking for a name", async () => {
    const { box, network } = await open("");
    await expectAccessible(box);
    byRole(box, "button", "Make a link").focus();
    await userEvent.keyboard("{Enter}");
    await said(box, "Give a name first");
    const name = byRole<HTMLInputElement>(box, "input", "Your name");
    expect(document.activeElement).toBe(name);
    await userEvent.keyboard("Mia Berg{Tab}");
    expect(network.name()).toBe("Mia Berg");
    await expectAccessible(box);
    const edit = byRole<HTMLInputElement>(box, "input[type=radio]", /^Edit/);
    expect(edit.checked).toBe(true);
    edit.focus();
    await userEvent.keyboard("{ArrowDown}{ArrowDown}");
    byRole(box, "input[type=radio]", "Anyone with the link").click();
    byRole(box, "input[type=radio]", "A month").click();
    byRole(box, "button", "Make a link").focus();
    await userEvent.keyboard("{Enter}");
    await said(box, "Whoever has it may read the notebook");
    const [made] = network.invitations;
    expect(made).toMatchObject({ role: "reader", uses: "many" });
    expect(Math.round(((made?.expires ?? 0) - Date.now()) / 86_400_000)).toBe(30);
    await expectAccessible(box);
  });

  it("says why no link could be made, and makes one the next time", async () => {
    const { box, network } = await open();
    network.failNext("The list of members could not be stored: there is no room.");
    byRole(box, "button", "Make a link").click();
    await said(box, "there is no room");
    await expectAccessible(box);
    byRole(box, "button", "Make a link").click();
    await until(() => box.querySelector("input[readonly]") !== null, "the link is there");
    expect(box.textContent).not.toContain("there is no room");
  });
});

describe("a link that was made", () => {
  it("is copied, or selected where copying is not allowed, and is drawn as a QR code", async () => {
    const { box } = await open();
    byRole(box, "button", "Make a link").click();
    await until(() => box.querySelector("input[readonly]") !== null, "the link is there");
    const link = byRole<HTMLInputElement>(box, "input", "Link");
    const written: string[] = [];
    const clipboard = { writeText: (text: string) => Promise.resolve(void written.push(text)) };
    Object.defineProperty(navigator, "clipboard", { value: clipboard, configurable: true });
    closers.push(() => Reflect.deleteProperty(navigator, "clipboard"));
    byRole(box, "button", "Copy").click();
    await said(box, "Copied.");
    expect(written).toEqual([link.value]);
    clipboard.writeText = () => Promise.reject(new DOMException("denied", "NotAllowedError"));
    byRole(box, "button", "Copy").click();
    await said(box, "did not allow copying");
    expect(document.activeElement).toBe(link);
    expect(link.selectionEnd).toBe(link.value.length);
    byRole(box, "button", "Show QR code").click();
    await until(() => box.querySelector("svg[role=img]") !== null, "the code is drawn");
    await expectAccessible(box);
    byRole(box, "button", "Make another").click();
    byRole(box, "button", "Make a link");
  });
});

describe("a notebook that is shared", () => {
  it("lists who is in it, where they are and how they are linked, and goes to them", async () => {
    const { box, share, cells, active } = await open();
    share({
      members: THREE,
      linked: [{ id: ANA, path: "relayed" }],
      present: [{ id: ANA, state: { cell: cells[2] as never } }],
    });
    await said(box, "3 members");
    expect(box.textContent).toContain("here now, in cell 3 · linked through a relay");
    expect(box.textContent).toContain("not here now · not connected");
    await expectAccessible(box);
    byRole(box, "button", /^Ana, go to cell 3$/).focus();
    await userEvent.keyboard("{Enter}");
    expect(active()).toBe(cells[2]);
  });

  it("keeps a row, and the focus in it, while its member moves", async () => {
    const { box, share, cells } = await open();
    share({ members: THREE, present: [{ id: ANA, state: { cell: cells[0] as never } }] });
    const role = byRole<HTMLSelectElement>(box, "select", "What Ana may do");
    role.focus();
    share({ members: THREE, present: [{ id: ANA, state: { cell: cells[1] as never } }] });
    await said(box, "in cell 2");
    expect(document.activeElement).toBe(role);
  });

  it("changes a role, and shows the old one with the reason when that is refused", async () => {
    const { box, network, share } = await open();
    share({ members: THREE });
    const role = byRole<HTMLSelectElement>(box, "select", "What Ben Okoro may do");
    await userEvent.selectOptions(role, "commenter");
    await until(() => role.value === "commenter", "the new role shows");
    network.failNext("Another owner took your right to do this.");
    await userEvent.selectOptions(role, "owner");
    await said(box, "Another owner took your right to do this.");
    expect(role.value).toBe("commenter");
  });

  it("removes a member after asking, and lists them among the former", async () => {
    const { box, page, share } = await open();
    share({ members: THREE });
    page.agree = false;
    byRole(box, "button", "Remove Ana").click();
    await until(() => page.asked.length === 1, "asked");
    expect(page.asked[0]?.text).toContain("nothing that they write is taken");
    page.agree = true;
    byRole(box, "button", "Remove Ana").click();
    await said(box, "1 former member");
    byRole(box, "summary", "1 former member").click();
    expect(box.textContent).toContain("removed by you");
    await expectAccessible(box);
  });

  it("takes a link back", async () => {
    const { box, share } = await open();
    const link = { entry: "bentry" as EntryHash, by: ME, usedBy: [], expires: Date.now() + 86_400_000 } as const;
    share({
      invitations: [
        { ...link, id: "1", role: "editor", uses: "many", state: "open" },
        { ...link, id: "2", role: "reader", uses: "one", state: "used" },
        { ...link, id: "3", role: "reader", uses: "one", state: "open", expires: 1 },
      ],
    });
    await said(box, "Links that can be used");
    await expectAccessible(box);
    byRole(box, "button", /^Revoke the link/).click();
    await until(() => !box.textContent.includes("Links that can be used"), "the link is gone");
  });

  it("changes one's own name, and leaves after saying what stays", async () => {
    const { box, network, page, share } = await open();
    share({ members: THREE });
    const name = byRole<HTMLInputElement>(box, "input", "Your name");
    await userEvent.fill(name, "Mia");
    await userEvent.tab();
    expect(network.name()).toBe("Mia");
    await userEvent.fill(name, "  ");
    await userEvent.tab();
    expect(name.value).toBe("Mia");
    byRole(box, "button", "Leave").click();
    await said(box, "Write together");
    expect(page.asked[0]?.text).toContain("stays here as your own copy");
    expect(page.asked[0]?.text).toContain("You are the only owner");
  });

  it("tells those who may not, in words, what is for others", async () => {
    const { box, share } = await open();
    const members = [member(ANA, "Ana", "owner"), member(ME, "Mia Berg", "reader")];
    share({ role: "reader", members });
    await said(box, "You may read. To comment or edit, ask Ana.");
    expect(box.querySelector("select")).toBe(null);
    expect(box.textContent).not.toContain("Make a link");
    await expectAccessible(box);
    share({ role: "editor", members });
    await said(box, "Inviting others and giving roles is for Ana.");
    share({ role: "commenter", members });
    await said(box, "To edit, ask Ana.");
  });

  it("says that one was removed, that one waits, what is wrong, and who contradicted themself", async () => {
    const { box, share } = await open();
    share({ role: undefined, members: [], former: [{ id: ME, name: "Mia", by: ANA, time: 1 }] });
    await said(box, "You were removed");
    expect(box.textContent).toContain("your own copy now");
    await expectAccessible(box);
    share({ role: undefined, members: [] });
    await said(box, "Waiting for somebody who has the notebook");
    share({
      members: THREE,
      trouble: "Ana's Kroma is newer than this one.",
      equivocations: [{ author: ANA, sequence: 3, entries: [] }],
    });
    await said(box, "Ana has said two different things");
    expect(box.textContent).toContain("Ana's Kroma is newer than this one.");
    await expectAccessible(box);
  });
});

describe("one's keys", () => {
  const at = (box: HTMLElement, label: string) => byRole<HTMLInputElement>(box, "input", label);

  it("go into a file while they can be read, and it is said when they can't", async () => {
    const { box, network, page } = await open();
    byRole(box, "summary", "Your keys").click();
    await said(box, "There are no keys yet.");
    network.set({ keys: { id: ME, isRecoverable: true } });
    await userEvent.fill(at(box, "Passphrase, at least 10 characters"), "correct horse battery");
    await userEvent.fill(at(box, "The passphrase again"), "correct horse");
    byRole(box, "button", "Make the recovery file").click();
    await said(box, "The two passphrases are not the same.");
    await userEvent.fill(at(box, "The passphrase again"), "correct horse battery");
    await expectAccessible(box);
    byRole(box, "button", "Make the recovery file").click();
    await said(box, "without the passphrase it is worth nothing");
    expect(page.downloads.map(({ name }) => name)).toEqual(["kroma-recovery.json"]);
    expect(await new Response(page.downloads[0]?.content as BodyInit).text()).toBe("sealed with correct horse battery");
    expect(at(box, "The passphrase again").value).toBe("");
    network.set({ keys: { id: ME, isRecoverable: false } });
    await said(box, "can't be made any more");
    expect(box.textContent).not.toContain("Make the recovery file");
    await expectAccessible(box);
  });

  it("come back from a file, after a question where there are others", async () => {
    const { box, network, page } = await open();
    byRole(box, "summary", "Your keys").click();
    byRole(box, "button", "Take the keys of the file").click();
    await said(box, "Choose the recovery file first.");
    await userEvent.upload(at(box, "Recovery file"), new File(["sealed"], "kroma-recovery.json"));
    await userEvent.fill(at(box, "Its passphrase"), "not that one");
    network.failNext("This passphrase does not open the file, or the file was changed.");
    byRole(box, "button", "Take the keys of the file").click();
    await said(box, "This passphrase does not open the file");
    network.set({ keys: { id: ME, isRecoverable: false } });
    page.agree = false;
    byRole(box, "button", "Take the keys of the file").click();
    await until(() => page.asked.length === 1, "it is asked");
    expect(page.asked[0]?.text).toContain("The keys that this browser has now are replaced");
    expect(network.recovered).toEqual([]);
    page.agree = true;
    byRole(box, "button", "Take the keys of the file").click();
    await said(box, "You are the person of the file now.");
    expect(network.recovered).toEqual([["sealed", "not that one"]]);
  });
});

describe("the network", () => {
  it("tells of each member how fast the way to them is, and what it has carried", async () => {
    const { box, share, network } = await open();
    share({ members: THREE, linked: [{ id: ANA, path: "direct" }] });
    expect(box.querySelector(".people-traffic")).toBe(null);
    const link = { id: ANA, path: "direct", remote: "12D3KooW", sent: 400_000, received: 1_100_000 } as const;
    network.set({ links: { peers: [{ ...link, roundTrip: 23.4 }], troubles: [] } });
    await said(box, "23 ms there and back · 1.5 MB so far");
    network.set({ links: { peers: [{ ...link, sent: 5, received: 6, roundTrip: undefined }], troubles: [] } });
    await said(box, "11 B so far");
    expect(box.querySelectorAll(".people-traffic")).toHaveLength(1);
    await expectAccessible(box);
  });

  it("is said in words in each of its states", async () => {
    const { box, network } = await open();
    await said(box, "not in use yet");
    network.set({ transport: { status: "starting", addresses: [], targets: [] } });
    await said(box, "Looking for a way");
    network.set({ transport: { status: "offline", addresses: [], targets: [] } });
    await said(box, "This device is offline");
    const address = "/ip4/127.0.0.1/tcp/4001/ws/p2p/relay";
    const target = { address, status: "waiting", trouble: "It did not answer within 10 s." } as const;
    network.set({
      transport: { status: "online", addresses: [], targets: [target] },
      links: { peers: [], troubles: ["An older one.", "No way through the other's router was found."] },
    });
    await said(box, "no relay is connected");
    expect(box.textContent).toContain("Last trouble: No way through");
    byRole(box, "summary", "Relays and machines").click();
    expect(box.textContent).toContain("127.0.0.1:4001");
    expect(box.textContent).toContain("tried again soon: It did not answer");
    await expectAccessible(box);
    network.set({
      transport: {
        status: "online",
        addresses: [address],
        targets: [{ address, status: "connected", roundTrip: 12.4 }],
      },
    });
    await said(box, "Others can reach you by a link");
    expect(box.textContent).toContain("connected, 12 ms");
    network.set({ elsewhere: true });
    await said(box, "Another tab of this browser");
  });

  it("connects without a server: the side that begins", async () => {
    const { box, network } = await open();
    byRole(box, "summary", "Connect without a server").click();
    byRole(box, "button", "Make the first text").click();
    await until(() => box.querySelector("textarea[readonly]") !== null, "the offer is there");
    expect(byRole<HTMLTextAreaElement>(box, "textarea", "1. Send them this text").value).toBe("OFFER");
    byRole(box, "button", "Connect").click();
    await said(box, "Paste the text first.");
    const answer = byRole<HTMLTextAreaElement>(box, "textarea", "2. Paste the text that comes back");
    await userEvent.fill(answer, "something else");
    byRole(box, "button", "Connect").click();
    await said(box, "This is not the answer to that text.");
    await expectAccessible(box);
    expect(answer.value).toBe("something else");
    await userEvent.fill(answer, " ANSWER\n");
    byRole(box, "button", "Connect").click();
    await said(box, "Connected. No server stands between you.");
    expect(network.cancelled()).toBe(0);
  });

  it("connects without a server: the side that answers", async () => {
    const { box } = await open();
    byRole(box, "summary", "Connect without a server").click();
    byRole(box, "button", "I was given one").click();
    const offer = byRole<HTMLTextAreaElement>(box, "textarea", "1. Paste the text that you were given");
    await userEvent.fill(offer, "OFF");
    byRole(box, "button", "Make the answer").click();
    await said(box, "This text is not whole.");
    await userEvent.fill(offer, "OFFER");
    byRole(box, "button", "Make the answer").click();
    await until(() => box.querySelector("textarea[readonly]") !== null, "the answer is there");
    expect(byRole<HTMLTextAreaElement>(box, "textarea", "2. Send this text back").value).toBe("ANSWER");
    await expectAccessible(box);
  });

  it("drops an offer that is cancelled, or that the panel closed over", async () => {
    const { box, network } = await open();
    byRole(box, "summary", "Connect without a server").click();
    byRole(box, "button", "Make the first text").click();
    await until(() => box.querySelector("textarea[readonly]") !== null, "the offer is there");
    byRole(box, "button", "Cancel").click();
    expect(network.cancelled()).toBe(1);
    byRole(box, "button", "Make the first text").click();
    await until(() => box.querySelector("textarea[readonly]") !== null, "the offer is there again");
    for (const close of closers.splice(0).reverse()) close();
    expect(network.cancelled()).toBe(2);
  });
});
