/** What this device can do for models, as far as the browser tells. */
import { For, createSignal, type JSX } from "solid-js";
import { fileSize } from "#kit/file-size.ts";
import type { StorageFacts } from "#kit/artefacts.ts";
import type { ModelUse } from "#kit/models.ts";

/** What of WebGPU (https://www.w3.org/TR/webgpu/) is asked: the compiler does not know it yet. */
interface Gpu {
  requestAdapter(): Promise<
    | {
        readonly features: ReadonlySet<string>;
        readonly info?: {
          readonly vendor?: string;
          readonly architecture?: string;
          readonly description?: string;
          readonly isFallbackAdapter?: boolean;
        };
      }
    | null
    | undefined
  >;
}

export function Device(props: {
  readonly storage: StorageFacts | undefined;
  readonly use: ModelUse | undefined;
}): JSX.Element {
  const [graphics, setGraphics] = createSignal("looking …");
  void graphicsWords().then(setGraphics);
  const facts = (): readonly (readonly [string, string])[] => [
    ["WebGPU", `${graphics()}${runWords(props.use)}`],
    ["Threads", threadWords()],
    ["Memory", memoryWords(props.use)],
    ["Storage", storageWords(props.storage)],
  ];
  return (
    <dl class="models-facts">
      <For each={facts()}>
        {([name, words]) => (
          <>
            <dt>{name}</dt>
            <dd>{words}</dd>
          </>
        )}
      </For>
    </dl>
  );
}

async function graphicsWords(): Promise<string> {
  const { gpu } = navigator as { readonly gpu?: Gpu };
  if (!gpu) return "not in this browser; models run on the processor";
  try {
    const adapter = await gpu.requestAdapter();
    if (!adapter) return "no graphics processor is to be had; models run on the processor";
    const { vendor = "", architecture = "", description = "", isFallbackAdapter = false } = adapter.info ?? {};
    const name = description || [vendor, architecture].filter((part) => part !== "").join(" ") || "there";
    const rule = isFallbackAdapter
      ? "a program of the processor: models run by it only when it is asked for"
      : "large models run on it when they give the same answer there as on the processor";
    return `${name}${adapter.features.has("shader-f16") ? ", with 16-bit floats" : ""}; ${rule}`;
  } catch {
    return "the browser did not say; models run on the processor";
  }
}

/** The models that run there now. */
function runWords(use: ModelUse | undefined): string {
  const names = use?.models.filter(({ device }) => device === "webgpu").flatMap((model) => model.names) ?? [];
  return names.length === 0 ? "" : `; now: ${names.join(", ")}`;
}

function threadWords(): string {
  const cores = navigator.hardwareConcurrency;
  const many = `${cores} ${cores === 1 ? "core" : "cores"}`;
  return globalThis.crossOriginIsolated ? many : `${many}, but one thread: this page has no shared memory`;
}

function memoryWords(use: ModelUse | undefined): string {
  const { deviceMemory } = navigator as { readonly deviceMemory?: number };
  const device = deviceMemory === undefined ? "" : `at least ${deviceMemory} GB in this device; `;
  if (!use) return `${device}no model is loaded`;
  return `${device}models take about ${fileSize(use.used)} of the ${fileSize(use.budget)} that they may`;
}

function storageWords(facts: StorageFacts | undefined): string {
  const { usage, quota, isPersistent } = facts ?? {};
  if (usage === undefined || quota === undefined) return "the browser does not tell";
  const stays = isPersistent ? "" : "; when the disk is full the browser may clear it";
  return `all of Kroma takes ${fileSize(usage)} of the ${fileSize(quota)} that it may${stays}`;
}
