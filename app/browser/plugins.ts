/** The one list of concrete parts of the page: kernels, their worker programs, and plugins. Nobody else names them. */
import type { Kernel } from "#core/kernel/kernel.ts";
import { PluginHost, type Plugin } from "#core/plugin/facet.ts";
import { commands } from "#kit/commands.ts";
import { panels } from "#kit/panels.ts";
import { chatKernel } from "#kernels/chat/kernel.ts";
import { pythonKernel } from "#kernels/python/kernel.ts";
import { shellKernel } from "#kernels/shell/kernel.ts";
import { sqlKernel } from "#kernels/sql/kernel.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";
import { comments } from "#plugins/comments/index.ts";
import { data } from "#plugins/data/index.ts";
import { history } from "#plugins/history/index.ts";
import { llama } from "#plugins/llama/index.ts";
import { markdown } from "#plugins/markdown/index.ts";
import { models } from "#plugins/models/index.ts";
import { onnx } from "#plugins/onnx/index.ts";
import { names } from "#plugins/names/index.ts";
import { openai } from "#plugins/openai/index.ts";
import { outputs } from "#plugins/outputs/index.ts";
import { people } from "#plugins/people/index.ts";
import { ports } from "#plugins/ports/index.ts";
import { plotly } from "#plugins/plotly/index.ts";
import { promptApi } from "#plugins/prompt-api/index.ts";
import { publish } from "#plugins/publish/index.ts";
import { sound } from "#plugins/sound/index.ts";
import { terminal } from "#plugins/terminal/index.ts";
import { train } from "#plugins/train/index.ts";
import { transformers } from "#plugins/transformers/index.ts";
import { vega } from "#plugins/vega/index.ts";
import { widgets } from "#plugins/widgets/index.ts";
import { cellCommands } from "./notebook/commands/cell-commands.ts";
import { machineCommands } from "./notebook/commands/machine-commands.ts";
import { moveCommands } from "./notebook/commands/move-commands.ts";
import { pageCommands } from "./notebook/commands/page-commands.ts";
import { runCommands } from "./notebook/commands/run-commands.ts";

/** What the page itself provides, by the same facets as any plugin. */
const page: Plugin = {
  id: "page",
  provides: [
    commands.of(runCommands),
    commands.of(moveCommands),
    commands.of(cellCommands),
    commands.of(pageCommands),
    commands.of(machineCommands),
    panels.of({
      id: "files",
      title: "Files",
      icon: "files",
      load: async () => (await import("./panels/files-panel.tsx")).FilesPanel,
    }),
    panels.of({
      id: "outline",
      title: "Outline",
      icon: "outline",
      load: async () => (await import("./panels/outline-panel.tsx")).OutlinePanel,
    }),
  ],
};

/** Stands behind the plugins' panels: it is opened least. */
const settings: Plugin = {
  id: "settings",
  provides: [
    panels.of({
      id: "settings",
      title: "Settings",
      icon: "settings",
      load: async () => (await import("./panels/settings-panel.tsx")).SettingsPanel,
    }),
  ],
};

/** All plugins of the page. */
export const host = new PluginHost([
  page,
  outputs,
  markdown,
  vega,
  plotly,
  widgets,
  people,
  publish,
  names,
  comments,
  history,
  terminal,
  ports,
  onnx,
  train,
  transformers,
  models,
  data,
  sound,
  openai,
  llama,
  promptApi,
  settings,
]);

/** The languages that run here, in the order they are shown. */
export const kernels: readonly Kernel[] = [pythonKernel, typescriptKernel, shellKernel, sqlKernel, chatKernel];

/** The worker program of each language, and of plugins that have one. Written out, so that the bundler sees the files. */
export const programs: Readonly<Record<string, () => Worker>> = {
  python: () =>
    new Worker(new URL("../../kernels/python/worker.ts", import.meta.url), { type: "module", name: "kroma-python" }),
  typescript: () =>
    new Worker(new URL("../../kernels/typescript/worker.ts", import.meta.url), {
      type: "module",
      name: "kroma-typescript",
    }),
  shell: () =>
    new Worker(new URL("../../kernels/shell/worker.ts", import.meta.url), { type: "module", name: "kroma-shell" }),
  sql: () => new Worker(new URL("../../kernels/sql/worker.ts", import.meta.url), { type: "module", name: "kroma-sql" }),
  onnx: () => new Worker(new URL("./models.worker.ts", import.meta.url), { type: "module", name: "kroma-models" }),
  train: () => new Worker(new URL("./training.worker.ts", import.meta.url), { type: "module", name: "kroma-training" }),
  transformers: () =>
    new Worker(new URL("./pipelines.worker.ts", import.meta.url), { type: "module", name: "kroma-pipelines" }),
};

/** True where Command and not Control is the main modifier. */
export const isMac: boolean = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");
