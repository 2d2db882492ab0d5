/** The page that a link opens: what it says before, while one waits, and when the link is not good. */
import { userEvent } from "vitest/browser";
import { afterEach, describe, expect, it } from "vitest";
import type { DocumentId } from "#core/base/ids.ts";
import type { EntryHash } from "#core/mesh/entry.ts";
import { makeInvitationFragment, newInvitationSecret, type InvitationLink } from "#core/mesh/invitation.ts";
import { JoinPage } from "#app/browser/join/join-page.tsx";
import { until } from "../ui/kit.ts";
import { byRole, draw, expectAccessible, sharingOf, testNetwork, type TestNetwork } from "./kit.tsx";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

const hash = `b${"a".repeat(52)}` as EntryHash;
const NOTEBOOK = "4KfJ8sHDbFhh7sXgqVQ5kE" as DocumentId;
const link = (more: Partial<InvitationLink> = {}): InvitationLink => ({
  notebook: NOTEBOOK,
  genesis: hash,
  invitation: hash,
  role: "commenter",
  secret: newInvitationSecret(),
  addresses: [],
  expires: Date.now() + 86_400_000,
  title: "Seattle weather",
  ...more,
});

function open(fragment: string, name?: string) {
  const network: TestNetwork = testNetwork(name);
  const went: string[] = [];
  const { box, end } = draw(
    () => (
      <JoinPage
        fragment={fragment}
        network={network}
        onOpen={(document) => void went.push(document)}
        onCancel={() => void went.push("cancelled")}
      />
    ),
    390,
    // The page brings its own.
    "div",
  );
  closers.push(end);
  return { box, network, went };
}

const said = (box: HTMLElement, text: string): Promise<void> => until(() => box.textContent.includes(text), text);

describe("a link", () => {
  it("is joined by the keyboard: a name, Enter, the wait, and the notebook opens", async () => {
    const { box, network, went } = open(makeInvitationFragment(link()), "");
    expect(box.textContent).toContain("Join “Seattle weather”");
    expect(box.textContent).toContain("you may read the notebook and comment on it");
    await expectAccessible(box);
    expect(document.activeElement).toBe(byRole(box, "input", "Your name"));
    await userEvent.keyboard("{Enter}");
    await said(box, "Give a name first");
    await userEvent.keyboard("Ana{Enter}");
    await said(box, "Waiting for someone who has the notebook");
    expect(network.name()).toBe("Ana");
    expect(network.joined.map(({ notebook, title }) => [notebook, title])).toEqual([[NOTEBOOK, "Seattle weather"]]);
    expect(document.activeElement).toBe(byRole(box, "button", "Stop waiting"));
    network.set({
      transport: { status: "offline", addresses: [], targets: [] },
      links: { peers: [], troubles: ["The relay did not answer within 10 s."] },
      sharing: sharingOf(NOTEBOOK, { role: undefined, isHere: false, trouble: "This invitation was used already." }),
    });
    await said(box, "This device is offline");
    expect(box.textContent).toContain("This invitation was used already.");
    expect(box.textContent).toContain("The relay did not answer");
    byRole(box, "summary", "Connect without a server");
    await expectAccessible(box);
    expect(went).toEqual([]);
    network.set({ sharing: sharingOf(NOTEBOOK, { role: "commenter" }) });
    await until(() => went.length === 1, "it opens");
    expect(went).toEqual([NOTEBOOK]);
  });

  it("is given up while one waits", async () => {
    const { box, network, went } = open(makeInvitationFragment(link()));
    expect(document.activeElement).toBe(byRole(box, "button", "Join"));
    await userEvent.keyboard("{Enter}");
    await said(box, "Waiting for someone");
    await userEvent.keyboard("{Enter}");
    await until(() => went.length === 1, "it is given up");
    expect(went).toEqual(["cancelled"]);
    expect(network.sharing(NOTEBOOK)).toBe(undefined);
  });

  it("says why joining failed, and tries again", async () => {
    const { box, network } = open(makeInvitationFragment(link()));
    network.failNext("The keys of this browser could not be stored.");
    byRole(box, "button", "Join").click();
    await said(box, "The keys of this browser could not be stored.");
    await expectAccessible(box);
    byRole(box, "button", "Join").click();
    await said(box, "Waiting for someone");
  });

  it("opens what one is in already, unless it gives more than one has", async () => {
    const first = open(makeInvitationFragment(link()));
    first.network.set({ sharing: sharingOf(NOTEBOOK, { role: "editor" }) });
    byRole(first.box, "button", "Open it").click();
    expect(first.went).toEqual([NOTEBOOK]);
    const second = open(makeInvitationFragment(link({ role: "editor" })));
    second.network.set({ sharing: sharingOf(NOTEBOOK, { role: "reader" }) });
    byRole(second.box, "button", "Join");
  });
});

describe("a link that is not good", () => {
  it.each([
    ["cut off", makeInvitationFragment(link()).slice(0, -20), "not whole"],
    ["expired", makeInvitationFragment(link({ expires: Date.now() - 10 * 86_400_000 })), "This invitation ended on"],
    ["too long", `#join=${"a".repeat(5000)}`, "too long"],
    ["empty", "#join=", "not whole"],
  ])("%s: a sentence, and the way on", async (_what, fragment, sentence) => {
    const { box, went } = open(fragment);
    expect(box.textContent).toContain(sentence);
    await expectAccessible(box);
    byRole(box, "button", "Go on without it").click();
    expect(went).toEqual(["cancelled"]);
  });
});
