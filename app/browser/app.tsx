/** The page: library or notebook after the address, and what both share: palette, help, toasts, dropped files. */
import { Match, Show, Switch, createEffect, createSignal, lazy, onCleanup, type JSX, type Setter } from "solid-js";
import type { ArtefactAddress } from "#core/artefact/address.ts";
import type { ArtefactSummary } from "#core/artefact/messages.ts";
import type { DocumentId } from "#core/base/ids.ts";
import { isInvitationFragment } from "#core/mesh/invitation-fragment.ts";
import type { LibraryClient, NotebookClient } from "#core/notebook/client.ts";
import type { PageActions } from "#kit/commands.ts";
import { Dialog } from "#kit/dialog.tsx";
import { fileSize } from "#kit/file-size.ts";
import { Icon } from "#kit/icon.tsx";
import { PUBLISH_PANEL, type Panel, panels, panelsBeside } from "#kit/panels.ts";
import { type Question, QuestionDialog } from "#kit/question.tsx";
import { KEPT_PANEL } from "#plugins/publish/index.ts";
import { createArtefacts } from "./artefacts.ts";
import type { PageNetwork } from "./network.ts";
import { setPageActions } from "./command-context.ts";
import { createNames } from "./names.ts";
import { startKeyboard } from "./keyboard.ts";
import { whenIdle } from "./kernel-start.ts";
import { createModels } from "./models.ts";
import { willReload } from "./offline.ts";
import { giveModelBlock } from "./notebook-models.ts";
import { importFiles, pickFiles, tellWarnings } from "./library/import-files.ts";
import { openPath, openUrl, type OnWarnings } from "./library/shipped.ts";
import { pageLimits } from "./limits.ts";
import { host } from "./plugins.ts";
import { readRoute, writeRoute, type Route } from "./route.ts";
import { runsElsewhere } from "./run-lock.ts";
import { Palette } from "./shell/palette.tsx";
import { Shortcuts } from "./shell/shortcuts.tsx";
import { Toasts, announce, toast } from "./shell/toasts.tsx";
import { setTheme } from "./theme.ts";

const loadNotebookPage = () =>
  import("./notebook/notebook-page.tsx").then(({ NotebookPage }) => ({ default: NotebookPage }));
const loadLibraryPage = () =>
  import("./library/library-page.tsx").then(({ LibraryPage }) => ({ default: LibraryPage }));
const loadSettings = () =>
  import("./panels/settings-panel.tsx").then(({ SettingsPanel }) => ({ default: SettingsPanel }));
const NotebookPage = lazy(loadNotebookPage);
const LibraryPage = lazy(loadLibraryPage);
const SettingsPanel = lazy(loadSettings);
const PanelContent = lazy(() =>
  import("./shell/panel-content.tsx").then((loaded) => ({ default: loaded.PanelContent })),
);
const ArtefactPage = lazy(() =>
  import("./artefact/artefact-page.tsx").then((loaded) => ({ default: loaded.ArtefactPage })),
);
const OpenArtefactDialog = lazy(() =>
  import("./artefact/open-dialog.tsx").then((loaded) => ({ default: loaded.OpenArtefactDialog })),
);
const loadJoinPage = () => import("./join/join-page.tsx").then(({ JoinPage }) => ({ default: JoinPage }));
const JoinPage = lazy(loadJoinPage);

interface Opened {
  readonly client: NotebookClient;
  readonly elsewhere: boolean;
}

type Stage =
  | { readonly type: "library" }
  | { readonly type: "opening" }
  | { readonly type: "notebook"; readonly opened: Opened }
  | { readonly type: "join"; readonly fragment: string }
  | { readonly type: "artefact"; readonly address: ArtefactAddress }
  | { readonly type: "failed"; readonly text: string };

/** Starts loading the code of what the address asks for. */
export function preload(): void {
  if (isInvitationFragment(location.hash)) void loadJoinPage();
  else void (readRoute(location.search).type === "library" ? loadLibraryPage() : loadNotebookPage());
}

export interface AppProps {
  readonly library: LibraryClient;
  readonly network: PageNetwork;
  /** What the person came for is on the screen, the first time; the page of an invitation is not yet it. */
  readonly onShown: () => void;
}

export function App(props: AppProps): JSX.Element {
  const { library } = props;
  const [stage, setStage] = createSignal<Stage>({ type: "opening" });
  createEffect(() => {
    if (stage().type !== "opening" && stage().type !== "join") props.onShown();
  });
  const [dialog, setDialog] = createSignal<"palette" | "shortcuts" | "settings" | "published" | "open-artefact">();
  /** The tab of the dialog about what was published. */
  const [tab, setTab] = createSignal<string>(KEPT_PANEL);
  const [asked, setAsked] = createSignal<Question & { readonly onAnswer: (agreed: boolean) => void }>();
  const [panel, setPanel] = createSignal<string>();
  const [bottom, setBottom] = createSignal<string>();
  const [finding, setFinding] = createSignal(false);
  const [storage, setStorage] = createSignal(library.storage);
  onCleanup(library.onStorage(setStorage));
  let turn = 0;

  const documentOf = async (route: Route): Promise<DocumentId | undefined> => {
    if (route.type === "library") return undefined;
    if (route.type === "document") return route.document as DocumentId;
    const tell: OnWarnings = (name, warnings) => tellWarnings(name, warnings, { toast });
    if (route.type === "url") return openUrl(route.url, library, tell);
    if (route.type === "published") return (await import("./published-copy.ts")).openNotebookAbove(library);
    return openPath(route.path, library, tell);
  };
  const show = async (route: Route): Promise<void> => {
    const mine = ++turn;
    const before = stage();
    setPanel((id) => (route.type === "library" ? undefined : id));
    setBottom(undefined);
    setFinding(false);
    if (route.type === "library") setStage({ type: "library" });
    else setStage({ type: "opening" });
    if (before.type === "notebook") before.opened.client.close();
    if (route.type === "library") return;
    try {
      if (route.type === "published") {
        const { artefactAbove } = await import("./published-copy.ts");
        const address = await artefactAbove(page.artefacts);
        if (mine !== turn) return;
        if (address) {
          history.replaceState(undefined, "", page.artefacts.link(address));
          return reopen();
        }
      }
      const document = (await documentOf(route)) as DocumentId;
      const [client, elsewhere] = await Promise.all([library.open(document), runsElsewhere(document)]);
      if (mine !== turn) {
        client.close();
        return;
      }
      setStage({ type: "notebook", opened: { client, elsewhere } });
    } catch (error) {
      if (mine === turn) setStage({ type: "failed", text: error instanceof Error ? error.message : String(error) });
    }
  };
  /**
   * A link to a shared notebook is in the fragment. It leaves the address as soon as it is read, so that nobody passes it
   * on by accident, unless the page has to be loaded once more first. False when the fragment is none.
   */
  const takeInvitation = (): boolean => {
    const fragment = location.hash;
    if (!isInvitationFragment(fragment)) return false;
    if (!willReload()) history.replaceState(history.state, "", `${location.pathname}${location.search}`);
    turn++;
    const before = stage();
    setStage({ type: "join", fragment });
    if (before.type === "notebook") before.opened.client.close();
    // While the person reads what the link is for.
    whenIdle(() => {
      props.network.prepare();
      void loadNotebookPage();
    });
    return true;
  };
  /** The page of a published notebook stays in the address, which others may be given. False when the fragment is none. */
  const takeArtefact = async (): Promise<boolean> => {
    if (!location.hash.startsWith("#/artefact/")) return false;
    const { readAddress } = await import("#core/artefact/address.ts");
    const address = readAddress(location.href);
    turn++;
    const before = stage();
    setPanel(undefined);
    setBottom(undefined);
    setStage(
      address
        ? { type: "artefact", address }
        : { type: "failed", text: "The address names no published notebook: it is not whole." },
    );
    if (before.type === "notebook") before.opened.client.close();
    return true;
  };
  const takeFragment = async (): Promise<boolean> => (await takeArtefact()) || takeInvitation();
  const go = (route: Route): void => {
    history.pushState(undefined, "", `${location.pathname}${writeRoute(route)}`);
    void show(route);
  };
  const reopen = (): void =>
    void takeArtefact().then((taken) => {
      if (!taken) void show(readRoute(location.search));
    });

  const signalOf = (id: string): Setter<string | undefined> =>
    host.get(panels).find((candidate) => candidate.id === id)?.place === "bottom" ? setBottom : setPanel;
  const page: PageActions = {
    openPalette: () => setDialog("palette"),
    openShortcuts: () => setDialog("shortcuts"),
    openFind: () => setFinding(true),
    togglePanel(id) {
      if (stage().type !== "notebook") {
        const isPublished = publishedPanels().some((panel) => panel.id === id);
        const isOpen = dialog() === (isPublished ? "published" : "settings") && (!isPublished || tab() === id);
        if (isPublished) setTab(id);
        setDialog(isOpen ? undefined : isPublished ? "published" : "settings");
      } else signalOf(id)((open) => (open === id ? undefined : id));
    },
    openPanel: (id) => void signalOf(id)(id),
    toast,
    announce,
    ask(question) {
      asked()?.onAnswer(false);
      return new Promise((resolve) => {
        const onAnswer = (agreed: boolean): void => {
          setAsked(undefined);
          resolve(agreed);
        };
        setAsked({ ...question, onAnswer });
      });
    },
    goToLibrary: () => go({ type: "library" }),
    newNotebook: async () => go({ type: "document", document: await library.create("Untitled", "python") }),
    openDocument: (document) => go({ type: "document", document }),
    importFiles: () => void pickFiles(".ipynb,.py,.car").then(take),
    openArtefact: () => void setDialog("open-artefact"),
    download(name, content, type) {
      const url = URL.createObjectURL(new Blob([content as Uint8Array<ArrayBuffer> | Blob], { type }));
      const link = document.createElement("a");
      link.href = url;
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
    setTheme,
    network: props.network,
    artefacts: createArtefacts(
      library,
      (address) => {
        history.pushState(undefined, "", page.artefacts.link(address));
        reopen();
      },
      props.network,
    ),
    names: createNames(props.network),
    models: createModels(() => page.artefacts),
  };
  props.network.giveModels((document, cid) => giveModelBlock(page, document, cid));
  const duplicate = async (document: DocumentId): Promise<void> => {
    try {
      page.openDocument(await library.duplicate(document));
    } catch (error) {
      toast(`It could not be duplicated: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const openArtefact = async (
    artefact: Pick<ArtefactSummary, "root" | "title" | "signed">,
    isFork: boolean,
  ): Promise<void> => {
    const { openAsNotebook } = await import("./open-artefact.ts");
    page.openDocument(await openAsNotebook(artefact, isFork, { library, artefacts: page.artefacts }));
  };
  /** The fork of a published notebook that is open: from the same blocks, not from what was made of it here. */
  const fork = async (root: string): Promise<void> => {
    try {
      await openArtefact(await page.artefacts.client().open(root, { from: [] }), true);
    } catch (error) {
      toast(`It could not be forked: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  /** What is read from a file, once it has taken a moment. */
  const tellReading = (file: File): ((told: { readonly bytes: number }) => void) => {
    let next = performance.now() + TELL_AFTER;
    return ({ bytes }) => {
      if (performance.now() < next) return;
      next = performance.now() + TELL_AGAIN;
      toast(`Reading ${file.name}: ${fileSize(bytes)} of ${fileSize(file.size)}`);
    };
  };
  const takeCar = async (file: File): Promise<void> => {
    setDialog(undefined);
    try {
      // A large file takes its time, and is told of while it does.
      const [cid] = await page.artefacts.client().importCar(file, { progress: tellReading(file) });
      if (cid === undefined) toast(`There is no published notebook in ${file.name}.`);
      else page.artefacts.show({ cid, from: [] });
    } catch (error) {
      toast(`${file.name} was not opened: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const trust = async (document: DocumentId, title: string): Promise<void> => {
    const agreed = await page.ask({
      title: `Trust “${title || "Untitled"}”?`,
      text: "Its code then runs as that of your own notebooks does: it can reach the network, and change the files of this notebook. Trust what you have read, or whose author you know.",
      yes: "Trust it",
      final: true,
    });
    if (!agreed) return;
    await library.trust(document);
    reopen();
  };
  const take = async (given: readonly File[]): Promise<void> => {
    const cars = given.filter(({ name }) => /\.car$/i.test(name));
    const files = given.filter((file) => !cars.includes(file));
    if (cars[0]) void takeCar(cars[0]);
    if (files.length === 0) return;
    const made = await importFiles(files, library, page);
    const [only] = made;
    if (made.length === 1 && only !== undefined) page.openDocument(only);
    else if (made.length > 1) toast(`${made.length} notebooks imported.`);
  };
  setPageActions(page);
  onCleanup(startKeyboard());
  addEventListener("popstate", reopen);
  onCleanup(() => removeEventListener("popstate", reopen));
  addEventListener("hashchange", takeFragment);
  onCleanup(() => removeEventListener("hashchange", takeFragment));
  const [dragging, setDragging] = createSignal(false);
  const onDrop = (event: DragEvent): void => {
    const files = [...(event.dataTransfer?.files ?? [])];
    if (event.defaultPrevented || files.length === 0) return;
    event.preventDefault();
    if (stage().type === "library" || files.every((file) => /\.(ipynb|car)$/i.test(file.name))) void take(files);
  };
  const allowDrop = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    setDragging(true);
  };
  const stopDragging = (event: Event): void => {
    // From one element of the page to the next is not out of it.
    if (event.type === "drop" || (event as DragEvent).relatedTarget === null) setDragging(false);
  };
  addEventListener("drop", onDrop);
  addEventListener("dragover", allowDrop);
  for (const type of ["drop", "dragleave"]) addEventListener(type, stopDragging, { capture: true });
  void takeFragment().then((taken) => {
    if (!taken) reopen();
  });

  return (
    <>
      <Switch>
        <Match when={stage().type === "library"}>
          <LibraryPage
            library={library}
            page={page}
            storage={storage()}
            onOpenPath={(path) => go({ type: "path", path })}
          />
        </Match>
        <Match when={openedOf(stage())} keyed>
          {(opened) => (
            <NotebookPage
              client={opened.client}
              elsewhere={opened.elsewhere}
              page={page}
              panel={panel()}
              bottom={bottom()}
              finding={finding()}
              storage={storage()}
              limits={pageLimits()}
              onCloseFind={() => setFinding(false)}
              onImport={(files) => void take(files)}
              onDuplicate={() => void duplicate(opened.client.document)}
              onTrust={() => {
                const { entry } = opened.client;
                if (entry.artefact?.isFork === false) void trust(entry.document, entry.title);
                else void library.trust(entry.document).then(reopen);
              }}
              onFork={() => void fork(opened.client.entry.artefact?.root ?? "")}
            />
          )}
        </Match>
        <Match when={fragmentOf(stage())} keyed>
          {(fragment) => (
            <JoinPage
              fragment={fragment}
              network={page.network}
              onOpen={(document) => go({ type: "document", document })}
              onCancel={reopen}
            />
          )}
        </Match>
        <Match when={addressOf(stage())} keyed>
          {(address) => <ArtefactPage address={address} page={page} onOpen={openArtefact} />}
        </Match>
        <Match when={failureOf(stage())}>
          {(text) => (
            <main class="failed">
              <h1>This notebook cannot be opened</h1>
              <p>{text()}</p>
              <p class="quiet">Nothing was changed; your other notebooks are safe.</p>
              <button type="button" class="button primary" onClick={page.goToLibrary}>
                Go to the library
              </button>
            </main>
          )}
        </Match>
      </Switch>
      <Show when={dialog() === "palette"}>
        <Palette onClose={() => setDialog(undefined)} />
      </Show>
      <Show when={dialog() === "shortcuts"}>
        <Shortcuts onClose={() => setDialog(undefined)} />
      </Show>
      <Show when={dialog() === "settings"}>
        <Dialog label="Settings" class="settings-dialog" onClose={() => setDialog(undefined)}>
          <SettingsPanel context={{ page, view: undefined }} workspace={undefined} />
        </Dialog>
      </Show>
      <Show when={dialog() === "published" && publishedPanels().find(({ id }) => id === tab())}>
        {(open) => (
          <Dialog label="Published" class="published-dialog" onClose={() => setDialog(undefined)}>
            <header class="dialog-header">
              <h2>Published</h2>
              <button type="button" class="button icon-only" aria-label="Close" onClick={() => setDialog(undefined)}>
                <Icon name="close" />
              </button>
            </header>
            <PanelContent
              panel={open()}
              tabs={publishedPanels()}
              label="Published"
              context={{ page, view: undefined }}
              workspace={undefined}
              onChoose={setTab}
            />
          </Dialog>
        )}
      </Show>
      <Show when={dialog() === "open-artefact"}>
        <OpenArtefactDialog
          onOpen={(address) => {
            setDialog(undefined);
            page.artefacts.show(address);
          }}
          onFile={(file) => void takeCar(file)}
          onClose={() => setDialog(undefined)}
        />
      </Show>
      <Show when={dragging()}>
        <p class="drop-hint" aria-hidden="true">
          {stage().type === "notebook"
            ? "Drop a notebook to open it, other files to put them into the workspace"
            : "Drop notebooks to import them, a .car file to look at what is in it"}
        </p>
      </Show>
      <Show when={asked()} keyed>
        {(question) => <QuestionDialog {...question} />}
      </Show>
      <Toasts />
    </>
  );
}

/** Those about what was published that need no open notebook. */
const publishedPanels = (): readonly Panel[] =>
  panelsBeside(PUBLISH_PANEL, host.get(panels)).filter(({ id }) => id !== PUBLISH_PANEL);

/** When reading a file is first told of, and how often then, in milliseconds. */
const TELL_AFTER = 800;
const TELL_AGAIN = 4000;

const openedOf = (stage: Stage): Opened | undefined => (stage.type === "notebook" ? stage.opened : undefined);
const fragmentOf = (stage: Stage): string | undefined => (stage.type === "join" ? stage.fragment : undefined);
const addressOf = (stage: Stage): ArtefactAddress | undefined =>
  stage.type === "artefact" ? stage.address : undefined;
const failureOf = (stage: Stage): string | undefined => (stage.type === "failed" ? stage.text : undefined);
