/** An open notebook: header, cells, side panels, status bar; and the life of its session. */
import { For, Show, createEffect, createMemo, createSignal, onCleanup, onMount, untrack, type JSX } from "solid-js";
import { KromaError } from "#core/base/errors.ts";
import type { Language } from "#core/base/ids.ts";
import { chatDrivers } from "#core/chat/driver.ts";
import { chatPlace } from "#core/chat/place.ts";
import { services } from "#core/kernel/services.ts";
import type { NotebookClient, StorageState } from "#core/notebook/client.ts";
import { PrivateRuns } from "#core/session/private-runs.ts";
import { Session } from "#core/session/session.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import { commands as commandsFacet, type PageActions } from "#kit/commands.ts";
import { type Panel, panels as panelsFacet, panelsBeside } from "#kit/panels.ts";
import { HISTORY_PANEL, askFor } from "#plugins/history/asked.ts";
import { PORTS_PANEL } from "#plugins/ports/index.ts";
import { onPreviewAsked, showPreview } from "#plugins/ports/asked.ts";
import { storeOf } from "#plugins/widgets/store.ts";
import { announceRuns } from "../announce-runs.ts";
import { commandContext, setOpenView } from "../command-context.ts";
import { chatAccess } from "../chat-settings.ts";
import { pageContent, pagePeers } from "../content.ts";
import { createPageHost } from "../host.ts";
import { givenModels } from "../notebook-models.ts";
import { afterPaint, prepareFirstKernel, startKernels, whenIdle } from "../kernel-start.ts";
import { kernelWork } from "../kernel-work.ts";
import { ArtefactBanner } from "../artefact/artefact-banner.tsx";
import { isBesideCopy, prepareFiles } from "../library/shipped.ts";
import { host as plugins, kernels, programs } from "../plugins.ts";
import { holdRunLock } from "../run-lock.ts";
import { Banner } from "../shell/banner.tsx";
import { uploadFiles } from "../panels/file-tree.ts";
import { BottomPanel } from "../shell/bottom-panel.tsx";
import { Rail, SidePanel } from "../shell/rail.tsx";
import { StatusBar } from "../shell/status-bar.tsx";
import { openMachineLink } from "../machine-link.ts";
import { allowHosts, allowedHosts } from "../web-access.ts";
import { openWorkspaceLink, type WorkspaceLink } from "../workspace-link.ts";
import { accessOf, isUntrustedArtefact } from "./access.ts";
import { AwayLine } from "./away-line.tsx";
import { CellList } from "./cell-list.tsx";
import { FindBar } from "./find-bar.tsx";
import { NotebookHeader } from "./header.tsx";
import { comingSentence, createSharedFiles } from "./shared-files.ts";
import { createView } from "./view.ts";
import { FollowLinks, readFile } from "./follow-links.tsx";

export interface NotebookPageProps {
  readonly client: NotebookClient;
  /** True when another tab ran this notebook at the moment of opening. */
  readonly elsewhere: boolean;
  readonly page: PageActions;
  readonly panel: string | undefined;
  readonly bottom: string | undefined;
  readonly finding: boolean;
  readonly storage: StorageState;
  /** What this browser cannot do here, as sentences. */
  readonly limits: readonly string[];
  readonly onCloseFind: () => void;
  /** Notebooks were dropped on this one. */
  readonly onImport: (files: readonly File[]) => void;
  readonly onTrust: () => void;
  readonly onDuplicate: () => void;
  /** A fork of the published notebook that this one is. */
  readonly onFork: () => void;
}

const silenceSentence = (name: string): string =>
  `${name} does not answer, though no cell runs there: a task, a timer or a widget that a cell left behind may keep it busy. You can wait, interrupt it or restart it.`;

export function NotebookPage(props: NotebookPageProps): JSX.Element {
  const { client, page } = props;
  const [link, setLink] = createSignal<WorkspaceLink>();
  const machine = openMachineLink({
    document: client.document,
    foreign: client.entry.foreign,
    restart() {
      const status = session.state.kernels.get("shell")?.status;
      if (session.state.runner !== "here" || status === undefined || status === "off" || status === "dead")
        return false;
      session.send({ type: "restart", language: "shell" });
      return true;
    },
  });
  const webHosts = allowedHosts(client.document);
  const chat = chatAccess(
    plugins.get(chatDrivers),
    chatPlace({
      asset: (path) => host.asset(path),
      services: () => host.services,
      workspace: () => workspace(),
    }),
  );
  const host = createPageHost({
    programs,
    services: plugins.get(services),
    workspace: () => link()?.memory(),
    foreign: () => client.entry.foreign,
    openMachine: machine.openMachine,
    webHosts,
    peers: pagePeers(page.network, client.document),
    content: pageContent(page.artefacts, client.document, () => client.entry.foreign),
    chat,
  });
  /** Told that this tab has the files: those of the notebook, and those that ship with it. */
  let filesAreHere: () => void;
  const here = new Promise<void>((resolve) => (filesAreHere = resolve));
  const prepare = async (opened: WorkspaceLink): Promise<void> => {
    try {
      const place = await opened.ready;
      await prepareFiles(client.entry.origin, place);
      if (isBesideCopy(client.entry.origin)) {
        const { prepareFilesAbove } = await import("../published-copy.ts");
        await prepareFilesAbove(client.entry.origin, place);
      }
      if (client.entry.artefact) {
        const { prepareArtefactFiles } = await import("../open-artefact.ts");
        await prepareArtefactFiles(client.entry, place, page.artefacts);
      }
    } catch (error) {
      page.toast(`Files of this notebook are missing: ${error instanceof Error ? error.message : String(error)}`);
    }
    filesAreHere();
  };
  const privateRuns = new PrivateRuns(
    client,
    () => untrack(() => accessOf(page.network.sharing(client.document)).refusal) !== undefined,
  );
  const session = new Session({ notebook: privateRuns, kernels, host, canRun: !props.elsewhere, ready: () => here });
  onCleanup(kernelWork.follow(session));
  // From the start, so that no widget is missed; the renderer finds the same store by the same channel.
  storeOf(session.comms);
  onPreviewAsked(session, () => page.openPanel(PORTS_PANEL));
  const openPorts = (port: number | undefined): void => {
    if (port !== undefined) void showPreview(session, port);
    page.openPanel(PORTS_PANEL);
  };
  const sharedFiles = createSharedFiles({
    client,
    sharing: () => page.network.sharing(client.document),
    workspace: () => link()?.workspace(),
  });
  /** What runs waits for the files it may read. Where another tab runs the notebook, that one has them. */
  const files = (): Promise<void> =>
    session.state.runner === "elsewhere" ? Promise.resolve() : here.then(() => sharedFiles.arrived());
  /** The files, once those that ship with the notebook are among them. */
  const workspace = (): Promise<Workspace | undefined> => files().then(() => link()?.ready);
  const fileAt = async (path: string): Promise<Blob | undefined> => readFile(await workspace(), path);
  const keep = async (path: string, bytes: Uint8Array): Promise<void> => {
    const place = await workspace();
    if (!place) throw new KromaError("unavailable", "The notebook's files are open in another tab.");
    await place.write(path, bytes);
  };
  const view = createView(client, session, page, machine, {
    ready: files,
    file: fileAt,
    keep,
    sharedFiles,
    privateRuns,
    modelUse: host.modelUse,
  });
  createEffect(() => session.machine.send({ type: "web_hosts", hosts: [...webHosts()] }));
  const [refusedHosts, setRefusedHosts] = createSignal<readonly string[]>([]);
  /** What programs of the machine wanted to reach, until a person has said yes or not now. */
  const wantedHosts = createMemo(() =>
    [...view.session$().kernels.values()]
      .flatMap((kernel) => kernel.wantedHosts ?? [])
      .filter((name) => !webHosts().includes(name) && !refusedHosts().includes(name))
      .slice(-2),
  );
  const [saved, setSaved] = createSignal(client.saved);
  const [dismissed, setDismissed] = createSignal<readonly string[]>([]);
  onCleanup(client.onSaved(setSaved));
  setOpenView(view);
  onCleanup(() => setOpenView(undefined));
  announceRuns(view, page.announce);
  const isMember = createMemo(() => view.sharing()?.role !== undefined);
  createEffect(() => {
    if (isMember() && !client.entry.foreign) page.network.offerModels(client.document, givenModels(client.document));
  });
  createEffect(() => {
    if (!isMember()) return;
    let stop: (() => void) | undefined;
    let ended = false;
    void import("./presence.ts").then(({ startPresence }) => {
      if (!ended) stop = startPresence(view, page);
    });
    onCleanup(() => {
      ended = true;
      stop?.();
    });
  });

  let stopStarting: (() => void) | undefined;
  let closed = false;
  const [mayStart, setMayStart] = createSignal(false);
  // A notebook that is still coming needs the processor itself, and nothing of it may run yet.
  const isComing = createMemo(() => view.sharing()?.isComing === true);
  createEffect(() => {
    if (!mayStart() || isComing() || stopStarting) return;
    untrack(() => {
      if (!closed && view.refusal() === undefined) stopStarting = startKernels(session, client.notebook);
    });
  });
  const stopLock = holdRunLock(client.document, () => {
    if (session.state.runner === "elsewhere") session.send({ type: "runner_changed", runner: "here" });
    const opened = openWorkspaceLink(client.document);
    setLink(opened);
    void prepare(opened);
    if (!isUntrustedArtefact(client.entry) && !untrack(isComing)) prepareFirstKernel(kernels, host, client.notebook);
    afterPaint(() => void here.then(() => setMayStart(true)));
  });
  onCleanup(() => {
    closed = true;
    stopStarting?.();
    // The files and the right to run go to the next tab only when nothing of ours uses them any more.
    void session.close().finally(() => {
      chat.close();
      host.close();
      link()?.close();
      void machine.close();
      stopLock();
    });
  });
  onMount(() => {
    performance.mark("kroma-notebook");
    afterPaint(() => {
      performance.mark("kroma-painted");
      whenIdle(() => {
        void view.editors.enrich();
        view.comments.load();
      });
    });
    const first = view.active();
    const empty = view.cells().length === 1 && view.cells()[0]?.source === "";
    if (first !== undefined) view.choose(first, { mode: empty ? "edit" : "command" });
  });
  createEffect(() => (document.title = `${view.notebook().title || "Untitled"} · Kroma`));

  /** Files that are dropped on the cells are for the notebook, not text for the editor under the pointer. */
  const drop = (event: DragEvent): void => {
    const dropped = [...(event.dataTransfer?.files ?? [])];
    if (dropped.length === 0) return;
    event.preventDefault();
    event.stopPropagation();
    if (dropped.every((file) => /\.ipynb$/i.test(file.name))) props.onImport(dropped);
    else void upload(dropped);
  };
  const upload = async (dropped: readonly File[]): Promise<void> => {
    try {
      const place = await workspace();
      if (!place) return page.toast("The files of this notebook cannot be reached here.");
      await uploadFiles(place, "", dropped);
      const what = dropped.length === 1 ? `“${dropped[0]?.name}” is` : `${dropped.length} files are`;
      page.toast(`${what} in the workspace.`, { label: "Show files", run: () => page.openPanel("files") });
    } catch (error) {
      page.toast(`Upload failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  /** Leaving would lose what could not be stored. */
  const askBeforeLeaving = (event: BeforeUnloadEvent): void => {
    if (props.storage.state !== "ok" && !saved()) event.preventDefault();
  };
  addEventListener("beforeunload", askBeforeLeaving);
  onCleanup(() => removeEventListener("beforeunload", askBeforeLeaving));

  const openPanel = () => plugins.get(panelsFacet).find((panel) => panel.id === props.panel);
  const openTabs = createMemo<readonly [Panel, ...Panel[]] | undefined>(() => {
    const open = openPanel();
    const [lead, ...others] = open ? panelsBeside(open.id, plugins.get(panelsFacet)) : [];
    return lead && [lead, ...others];
  });
  /** Once opened they stay, so that hiding one ends nothing. */
  const bottomPanels = createMemo<readonly Panel[]>((opened) => {
    const panel = plugins.get(panelsFacet).find(({ id, place }) => place === "bottom" && id === props.bottom);
    return panel && !opened.includes(panel) ? [...opened, panel] : opened;
  }, []);
  const silentKernels = (): readonly Language[] =>
    [...view.session$().kernels.values()].filter(({ silent }) => silent).map(({ language }) => language);
  const kernelName = (language: Language): string => view.session$().kernels.get(language)?.displayName ?? language;
  const filesComing = createMemo(() => comingSentence(sharedFiles.coming(), (view.sharing()?.linked.length ?? 0) > 0));
  const limits = (): readonly string[] => {
    const troubles = [link()?.trouble(), ...machine.notes()].filter((text) => text !== undefined);
    return [...props.limits, ...troubles].filter((limit) => !dismissed().includes(limit));
  };
  const savedText = (): string =>
    props.storage.state === "ok"
      ? saved()
        ? "Saved"
        : "Saving …"
      : props.storage.state === "full"
        ? "Storage is full"
        : "Not stored";
  /** Where the focus goes from what closes around it. */
  const backToCell = (): void => {
    const cell = view.active();
    if (cell !== undefined) view.choose(cell, { mode: view.mode() });
  };
  const firstFailed = (): void => {
    const failed = view.cells().find((cell) => view.state(cell.id)?.progress === "failed");
    if (failed) view.choose(failed.id);
  };
  return (
    <div class={`shell${openPanel() ? " with-panel" : ""}`}>
      <Rail
        panels={plugins.get(panelsFacet)}
        context={{ page, view }}
        open={[props.panel, props.bottom]}
        onToggle={page.togglePanel}
        onLibrary={page.goToLibrary}
      />
      <Show when={openTabs()?.[0]} keyed>
        {(lead) => (
          <SidePanel
            tabs={openTabs() ?? [lead]}
            panel={openPanel() ?? lead}
            context={commandContext()}
            workspace={link()?.workspace()}
            onChoose={page.openPanel}
            onClose={() => page.togglePanel((openPanel() ?? lead).id)}
            onLeave={backToCell}
          />
        )}
      </Show>
      <main class="main" ref={(element) => element.addEventListener("drop", drop, { capture: true })}>
        <NotebookHeader view={view} />
        <Show when={props.finding}>
          <FindBar view={view} onClose={props.onCloseFind} />
        </Show>
        <div class="banners">
          <Show when={props.storage.state !== "ok"}>
            <Banner
              level="warning"
              text={props.storage.message}
              action={{
                label: "Download",
                run: () =>
                  void plugins
                    .get(commandsFacet)
                    .find((command) => command.id === "page.download-ipynb")
                    ?.run(commandContext()),
              }}
            />
          </Show>
          <For each={limits()}>
            {(limit) => (
              <Banner level="warning" text={limit} onDismiss={() => setDismissed((list) => [...list, limit])} />
            )}
          </For>
          <Show when={!dismissed().includes(view.access().notice ?? "") && view.access().notice}>
            {(notice) => (
              <Banner
                level="info"
                text={notice()}
                {...(view.refusal() === undefined
                  ? { onDismiss: () => setDismissed((list) => [...list, notice()]) }
                  : { action: { label: "Duplicate", run: () => props.onDuplicate() } })}
              />
            )}
          </Show>
          <Show when={filesComing()}>{(sentence) => <Banner level="info" text={sentence()} />}</Show>
          <AwayLine
            view={view}
            onShow={() => {
              askFor("away");
              page.openPanel(HISTORY_PANEL);
            }}
          />
          <Show when={isUntrustedArtefact(client.entry) && client.entry.artefact}>
            {(artefact) => (
              <ArtefactBanner
                onTrust={props.onTrust}
                onFork={() => props.onFork()}
                onDetails={() => page.artefacts.show({ cid: artefact().root, from: [] })}
              />
            )}
          </Show>
          <Show when={client.entry.foreign && !isUntrustedArtefact(client.entry)}>
            <Banner
              level="info"
              text={`This notebook came from elsewhere${client.entry.origin ? ` (${client.entry.origin})` : ""}. Its code runs apart from your other notebooks, and what its Linux changes ends with this tab.`}
              action={{ label: "Trust it", run: props.onTrust }}
            />
          </Show>
          <Show when={view.session$().runner === "elsewhere"}>
            <Banner level="info" text="This notebook runs in another tab. You can edit here; results appear in both." />
          </Show>
          <For each={wantedHosts()}>
            {(name) => (
              <Banner
                level="info"
                text={`The shell wants to reach ${name}. What it is allowed is kept for this notebook and can be taken back in Settings.`}
                action={{ label: "Allow", run: () => allowHosts(client.document, [...webHosts(), name]) }}
                dismiss="Not now"
                onDismiss={() => setRefusedHosts((list) => [...list, name])}
              />
            )}
          </For>
          <For each={silentKernels()}>
            {(language) => (
              <Banner
                level="warning"
                text={silenceSentence(kernelName(language))}
                action={{
                  label: `Restart ${kernelName(language)}`,
                  run: () => session.send({ type: "restart", language }),
                }}
              />
            )}
          </For>
          <For each={view.session$().notices}>
            {(notice) => (
              <Banner
                level={notice.level}
                text={notice.text}
                onDismiss={() => session.send({ type: "dismiss_notice", id: notice.id })}
              />
            )}
          </For>
        </div>
        <FollowLinks view={view} page={page} workspace={workspace} panel={props.panel}>
          <CellList view={view} />
        </FollowLinks>
        <For each={bottomPanels()}>
          {(panel) => (
            <BottomPanel
              panel={panel}
              open={props.bottom === panel.id}
              context={commandContext()}
              workspace={link()?.workspace()}
              onLeave={backToCell}
            />
          )}
        </For>
      </main>
      <StatusBar
        view={view}
        saved={savedText()}
        storageTrouble={props.storage.state !== "ok"}
        onProblem={firstFailed}
        onPorts={openPorts}
      />
    </div>
  );
}
