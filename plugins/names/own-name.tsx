/** One's own name: what it is, what it stands for, and pointing it at something that was published here. */
import { For, Show, createSignal, type JSX } from "solid-js";
import type { KeptArtefact } from "#core/artefact/messages.ts";
import type { PageActions } from "#kit/commands.ts";
import { CopyField } from "#kit/copy-field.tsx";
import { Field } from "#kit/field.tsx";
import type { NameAccess, OwnName } from "#kit/names.ts";
import { nameLink } from "./link.ts";

export function OwnNameSection(props: { readonly names: NameAccess; readonly page: PageActions }): JSX.Element {
  const { artefacts } = props.page;
  const [own, setOwn] = createSignal<OwnName>();
  const [published, setPublished] = createSignal<readonly KeptArtefact[]>();
  const [servers, setServers] = createSignal<readonly string[]>([]);
  const [chosen, setChosen] = createSignal("");
  const [told, setTold] = createSignal("");
  const [isBusy, setBusy] = createSignal(false);
  /** Addresses at which this browser tells what the name stands for; none before it was asked to. */
  const [offered, setOffered] = createSignal<readonly string[]>([]);
  const look = async (): Promise<void> => {
    setOwn(await props.names.own());
    setServers(await artefacts.sources());
    const { artefacts: all } = await artefacts.client().kept();
    setPublished(all.filter(({ isOwn }) => isOwn));
    setChosen((now) => now || (published()?.[0]?.cid ?? ""));
  };
  const act = async (work: () => Promise<string>): Promise<void> => {
    if (isBusy()) return;
    setBusy(true);
    try {
      setTold(await work());
    } catch (error) {
      setTold(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  void act(async () => {
    await look();
    return "";
  });
  const point = (): Promise<void> =>
    act(async () => {
      const { failures, sequence, ...rest } = await props.names.publish(chosen(), servers());
      setOwn({ ...rest, sequence });
      if (failures.length > 0) return `It is so here, but not everybody was told. ${failures.join(" ")}`;
      return servers().length === 0
        ? "It is so here. Those who share a notebook with you see it when they ask; no mirror is known that could be told: see the settings."
        : `${servers().map(hostOf).join(", ")} ${servers().length === 1 ? "was" : "were"} told.`;
    });
  const offer = (): Promise<void> =>
    act(async () => {
      const addresses = await artefacts.offer();
      setOffered(addresses);
      return addresses.length === 0
        ? "No way to this browser was found: it needs a mirror or a relay, see the settings."
        : "Whoever has the link can ask this tab, for as long as it is open.";
    });
  const titleOf = ({ title, version }: KeptArtefact): string => `${title}, ${version}`;
  const standsFor = (): string => {
    const cid = own()?.value?.split("/")[2];
    const known = published()?.find((one) => one.cid === cid || one.root === cid);
    return known ? `“${titleOf(known)}”` : (cid ?? "");
  };
  return (
    <div class="names-own">
      <h3>Your name</h3>
      <Show
        when={own()}
        fallback={
          <p class="quiet">
            It comes with what you publish: publish a notebook, and you can lead others to its newest version.
          </p>
        }
      >
        {(now) => (
          <>
            <CopyField label="Name that others can follow" text={now().name} copied="The name is copied." />
            <Show
              when={offered().length > 0}
              fallback={
                <button type="button" class="button outlined" aria-disabled={isBusy()} onClick={() => void offer()}>
                  Make a link that leads to this tab
                </button>
              }
            >
              <CopyField
                label="Link that says whom to ask for the name"
                text={nameLink(now().name, [...offered(), ...servers().slice(0, 2)])}
                copied="The link is copied."
              />
            </Show>
            <p>
              <Show when={now().value} fallback="It stands for nothing yet.">
                It stands for {standsFor()}.
              </Show>
              <Show when={now().validUntil}>
                {(time) => <span class="quiet"> Good until {dayWords(time())}.</span>}
              </Show>
            </p>
            <Show
              when={(published() ?? []).length > 0}
              fallback={
                <Show when={published()} fallback={<p class="quiet">Looking at what you published …</p>}>
                  <p class="quiet">Nothing that you published is kept here.</p>
                </Show>
              }
            >
              <Field label="Let it stand for">
                {(control) => (
                  <div class="copy-row">
                    <select {...control} value={chosen()} onChange={(event) => setChosen(event.currentTarget.value)}>
                      <For each={published() ?? []}>{(one) => <option value={one.cid}>{titleOf(one)}</option>}</For>
                    </select>
                    <button type="button" class="button primary" aria-disabled={isBusy()} onClick={() => void point()}>
                      Point it there
                    </button>
                  </div>
                )}
              </Field>
            </Show>
          </>
        )}
      </Show>
      <p class="quiet" role="status">
        {told()}
      </p>
    </div>
  );
}

const hostOf = (address: string): string => URL.parse(address)?.host ?? address;

const dayWords = (time: number): string => new Date(time).toLocaleDateString(undefined, { dateStyle: "medium" });
