/** What was published: its name, the links to hand on, a QR code, the file; and where it is kept. */
import { For, Show, createSignal, lazy, type JSX } from "solid-js";
import type { Publication } from "#core/artefact/messages.ts";
import type { PageActions } from "#kit/commands.ts";
import { CopyField } from "#kit/copy-field.tsx";
import { fileSize } from "#kit/file-size.ts";
import { hostOf, sentenceOf } from "./words.ts";

const QrCode = lazy(async () => ({ default: (await import("#kit/qr-code.tsx")).QrCode }));

export function Published(props: {
  readonly publication: Publication;
  readonly page: PageActions;
  readonly onAgain: () => void;
}): JSX.Element {
  const { artefacts } = props.page;
  const { root, envelope, directory, title, version, bytes, isKnown } = props.publication;
  const [sources, setSources] = createSignal<readonly string[]>([]);
  const [trouble, setTrouble] = createSignal("");
  void artefacts.sources().then(setSources, () => undefined);
  /** Addresses at which this browser gives it to others; undefined before it was asked to. */
  const [offered, setOffered] = createSignal<readonly string[]>();
  const [isStarting, setStarting] = createSignal(false);
  /** Names where it may be had: this browser, and the mirror of this page, if it has one. */
  const link = (): string =>
    artefacts.link({ cid: root, envelope, from: [...(offered() ?? []), ...sources().slice(0, 2)] });
  const offer = async (): Promise<void> => {
    setTrouble("");
    setStarting(true);
    try {
      const addresses = await artefacts.offer();
      if (addresses.length === 0) setTrouble(UNREACHABLE);
      else {
        setOffered(addresses);
        props.page.announce("Others can get it from this tab now. The link says where.");
      }
    } catch (error) {
      setTrouble(sentenceOf(error));
    } finally {
      setStarting(false);
    }
  };
  const download = async (): Promise<void> => {
    try {
      const file = await artefacts.client().exportCar(directory);
      props.page.download(`${fileName(title)}-${version}.car`, file, "application/vnd.ipld.car");
    } catch (error) {
      setTrouble(sentenceOf(error));
    }
  };
  return (
    <div class="publish-done">
      <h3 tabindex="-1" ref={(element) => queueMicrotask(() => element.focus({ preventScroll: true }))}>
        {isKnown ? "Published already" : "Published"}
      </h3>
      <p dir="auto">
        “{title}”, version {version}, {fileSize(bytes)}, signed by you.
        {isKnown ? " Nothing has changed since, so it is the same." : ""}
      </p>
      <CopyField label="Its name (CID of the root)" text={root} copied="Copied." />
      <CopyField label="Link that opens it in Kroma" text={link()} copied="The link is copied." />
      <Show
        when={offered()}
        fallback={
          <p class="quiet">
            It is pinned in this browser. Others get it from here only as a file, or from a mirror that keeps it: hand
            on the .car file, or pin it somewhere that is always on.
          </p>
        }
      >
        <p class="quiet">
          It is pinned in this browser, and whoever has the link gets it from this tab for as long as it is open.
        </p>
      </Show>
      <div class="form-row">
        <button type="button" class="button primary" onClick={() => void download()}>
          Download .car
        </button>
        <button type="button" class="button outlined" onClick={() => artefacts.show({ cid: root, envelope, from: [] })}>
          Look at it
        </button>
        <Show when={!offered()}>
          <button type="button" class="button outlined" disabled={isStarting()} onClick={() => void offer()}>
            {isStarting() ? "Looking for a way here" : "Give it from this tab"}
          </button>
        </Show>
      </div>
      <p class="form-problem" role="alert">
        {trouble()}
      </p>
      <details class="publish-fold">
        <summary>For gateways and pins</summary>
        <CopyField label="Published directory" text={directory} copied="Copied." />
        <CopyField label="Signature" text={envelope} copied="Copied." />
        <For each={sources()}>
          {(address) => (
            <CopyField
              label={`Page at ${hostOf(address)}, once it is kept there`}
              text={`${address.replace(/\/$/, "")}/ipfs/${directory}/`}
              copied="The link is copied."
            />
          )}
        </For>
      </details>
      <details class="publish-fold">
        <summary>QR code</summary>
        <Show when={link()} keyed>
          {(text) => <QrCode text={text} label="QR code of the link" />}
        </Show>
      </details>
      <button type="button" class="button outlined" onClick={() => props.onAgain()}>
        Back to the form
      </button>
    </div>
  );
}

const UNREACHABLE =
  "No way from others to this browser was found: there is no mirror or relay to meet at. Name one in the settings, or hand on the .car file.";

/** A name for a file out of a title. */
const fileName = (title: string): string =>
  title
    .replace(/[\\/:*?"<>|\p{Cc}]+/gu, " ")
    .trim()
    .slice(0, 80) || "notebook";
