/** Pins: which published notebooks are kept in this browser, what they take, and how room is made. Needs no open notebook. */
import { For, Show, createSignal, onCleanup, type JSX } from "solid-js";
import type { Kept, KeptArtefact, KeptElsewhere } from "#core/artefact/messages.ts";
import type { StorageFacts } from "#kit/artefacts.ts";
import { fileSize } from "#kit/file-size.ts";
import { Icon } from "#kit/icon.tsx";
import { Menu, type MenuItem } from "#kit/menu.tsx";
import type { PanelProps } from "#kit/panels.ts";
import { Services } from "./services.tsx";
import { countWords, dayWords, elsewhereWords, hostOf, sentenceOf, shortened } from "./words.ts";
import "./publish.css";

export function KeptPanel(props: PanelProps): JSX.Element {
  const { page } = props.context;
  const client = page.artefacts.client();
  const [kept, setKept] = createSignal<Kept>();
  const [suggestion, setSuggestion] = createSignal<string>();
  const [facts, setFacts] = createSignal<StorageFacts>();
  const [trouble, setTrouble] = createSignal("");
  const [told, setTold] = createSignal("");
  let section: HTMLElement | undefined;
  const look = async (): Promise<void> => {
    try {
      setKept(await client.kept());
      setFacts(await page.artefacts.storage());
    } catch (error) {
      setTrouble(sentenceOf(error));
    }
  };
  const act = async (work: () => Promise<string>): Promise<void> => {
    setTrouble("");
    try {
      setTold(await work());
    } catch (error) {
      setTrouble(sentenceOf(error));
    }
    await look();
  };
  void look();
  void page.artefacts.sources().then(
    ([first]) => setSuggestion(first === undefined ? undefined : `${first.replace(/\/$/, "")}/pinning`),
    () => undefined,
  );
  onCleanup(client.onKeptChanged(() => void look()));

  const unpin = (artefact: KeptArtefact): Promise<void> =>
    act(async () => {
      await client.unpin(artefact.cid);
      // The row is gone, and with it the focus.
      section?.focus();
      page.toast(`“${artefact.title}” is no longer pinned.`, {
        label: "Pin again",
        run: () => void act(() => pin(artefact)),
      });
      return "It is no longer pinned. Its blocks stay until the space is freed.";
    });
  const pin = async ({ cid, title }: Pick<KeptArtefact, "cid" | "title">): Promise<string> => {
    await client.pin(cid);
    return `“${title}” is pinned.`;
  };
  const fetchRest = (artefact: KeptArtefact): Promise<void> =>
    act(async () => {
      await client.fetch(artefact.cid, { from: await page.artefacts.sources() });
      return pin(artefact);
    });
  const pinAt = (service: string, { cid, title }: Pick<KeptArtefact, "cid" | "title">): Promise<void> =>
    act(async () => {
      await client.pinAt(service, cid, title);
      return `${hostOf(service)} is asked to keep “${title}”.`;
    });
  const unpinAt = ({ service, cid, name }: KeptElsewhere): Promise<void> =>
    act(async () => {
      await client.unpinAt(service, cid);
      return `${hostOf(service)} no longer keeps “${name}”.`;
    });
  /** What can be done about a pin at each service. */
  const serviceItems = (cid: string, title: string): readonly MenuItem[] =>
    (kept()?.services ?? []).map((service) => {
      const there = kept()?.elsewhere.find((pin) => pin.cid === cid && pin.service === service);
      return there && there.state !== "refused"
        ? { label: `Unpin at ${hostOf(service)}`, run: () => void unpinAt(there) }
        : { label: `Pin at ${hostOf(service)}`, run: () => void pinAt(service, { cid, title }) };
    });
  const stateOf = (cid: string): readonly string[] =>
    (kept()?.elsewhere ?? []).filter((pin) => pin.cid === cid).map(elsewhereWords);
  const onlyElsewhere = (): readonly KeptElsewhere[] =>
    (kept()?.elsewhere ?? []).filter(({ cid }) => kept()?.artefacts.every((artefact) => artefact.cid !== cid));
  const free = (): Promise<void> =>
    act(async () => {
      const removed = await client.collect(page.artefacts.roots());
      return removed === 0 ? "There was nothing to free." : `${countWords(removed, "block")} are freed.`;
    });
  const download = (artefact: KeptArtefact): Promise<void> =>
    act(async () => {
      page.download(`${artefact.title}-${artefact.version}.car`, await client.exportCar(artefact.cid), CAR);
      return "";
    });
  return (
    <section
      ref={(element) => (section = element)}
      class="publish form-column"
      tabindex="-1"
      aria-label="Published notebooks that this browser keeps"
    >
      <Show when={trouble()}>
        <p class="publish-notice alarm" role="alert">
          {trouble()}
        </p>
      </Show>
      <Show when={kept()} fallback={<p class="quiet">Looking at what is kept …</p>}>
        {(now) => (
          <>
            <ul class="publish-kept">
              <For
                each={now().artefacts}
                fallback={
                  <li class="quiet">
                    Nothing is pinned yet. What you publish is, and what others published can be: open it, and choose
                    Pin.
                  </li>
                }
              >
                {(artefact) => (
                  <li class="publish-kept-row">
                    <div class="publish-kept-text">
                      <a
                        dir="auto"
                        href={page.artefacts.link({
                          cid: artefact.root,
                          ...(artefact.envelope === undefined ? {} : { envelope: artefact.envelope }),
                          from: [],
                        })}
                      >
                        {artefact.title}, {artefact.version}
                      </a>
                      <span class="quiet">
                        {artefact.isOwn ? "published here" : "by others"} · {dayWords(artefact.time)} ·{" "}
                        {fileSize(artefact.bytes)} · in this browser{artefact.isWhole ? "" : ", not all of it"}
                      </span>
                      <For each={stateOf(artefact.cid)}>{(words) => <span class="quiet">{words}</span>}</For>
                      <code class="quiet" title={artefact.cid}>
                        {shortened(artefact.cid)}
                      </code>
                    </div>
                    <Menu
                      label={`Actions for ${artefact.title}, ${artefact.version}`}
                      class="button icon-only"
                      items={() => [
                        ...(artefact.isWhole ? [] : [{ label: "Fetch the rest", run: () => void fetchRest(artefact) }]),
                        { label: "Download .car", run: () => void download(artefact) },
                        ...serviceItems(artefact.cid, artefact.title),
                        { label: "Unpin", run: () => void unpin(artefact), danger: true },
                      ]}
                    >
                      <Icon name="more" />
                    </Menu>
                  </li>
                )}
              </For>
            </ul>
            <Show when={onlyElsewhere().length > 0}>
              <ul class="publish-kept" aria-label="Kept on other machines only">
                <For each={onlyElsewhere()}>
                  {(pin) => (
                    <li class="publish-kept-row">
                      <div class="publish-kept-text">
                        <span dir="auto">{pin.name}</span>
                        <span class="quiet">{elsewhereWords(pin)}</span>
                        <code class="quiet">{shortened(pin.cid)}</code>
                      </div>
                      <button type="button" class="button outlined" onClick={() => void unpinAt(pin)}>
                        Unpin
                      </button>
                    </li>
                  )}
                </For>
              </ul>
            </Show>
            <Show when={now().unfinished.length > 0}>
              <p class="publish-notice">
                Publishing was cut off:{" "}
                {now()
                  .unfinished.map(({ title }) => `“${title}”`)
                  .join(", ")}
                . Open the notebook and its Publish panel to go on.
              </p>
            </Show>
            <Services
              services={now().services}
              suggestion={suggestion()}
              onService={async (service, token) => {
                await client.setService(service, token);
                await look();
              }}
            />
            <Storage kept={now()} facts={facts()} />
            <button type="button" class="button outlined" onClick={() => void free()}>
              Free space
            </button>
          </>
        )}
      </Show>
      <p class="quiet" role="status">
        {told()}
      </p>
    </section>
  );
}

const CAR = "application/vnd.ipld.car";

/** How full it is, and whether the browser will keep it. */
function Storage(props: { readonly kept: Kept; readonly facts: StorageFacts | undefined }): JSX.Element {
  const words = (): string => {
    const { usage, quota } = props.facts ?? {};
    const all = usage === undefined ? "" : ` All of Kroma takes ${fileSize(usage)}`;
    const most = usage === undefined || quota === undefined ? "" : ` of the ${fileSize(quota)} that it may`;
    const blocks = props.kept.used === undefined ? "" : `Blocks take ${fileSize(props.kept.used)}.`;
    return `${blocks}${all}${most}${all === "" ? "" : "."}`;
  };
  return (
    <div class="publish-storage">
      <p class="quiet">{words()}</p>
      <Show when={props.kept.storage === "memory"}>
        <p class="form-problem">
          This browser gives no storage: what is pinned here lasts until the page closes. Download what should stay.
        </p>
      </Show>
      <Show when={props.kept.storage !== "memory" && props.facts?.isPersistent === false}>
        <p class="quiet">
          The browser has not promised to keep it: when the disk is full it may clear all of Kroma. A .car file, or a
          pin elsewhere, is safe from that.
        </p>
      </Show>
    </div>
  );
}
