/** What the worker of one training does, the same in a page and in a thread of Node: data, checkpoint, training, result. */
import { type Channel, portChannel, type PortLike } from "#core/base/channel.ts";
import { KromaError, toWireError } from "#core/base/errors.ts";
import { exportDense } from "#core/kernel/onnx-export.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { arrayDataset } from "./arrays.ts";
import { type Identity, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { checkTargets, type Dataset } from "./dataset.ts";
import type { FromTraining, ToTraining, TrainingInit } from "./messages.ts";
import { denseLayers, firstParameters, outputsOf, parameterShapes, planNetwork } from "./network.ts";
import { momentsKept } from "./optimizers.ts";
import type { Point, TableSource, WireTensor } from "./request.ts";
import { openTable } from "./table.ts";
import { train, type TrainingHooks, type TrainingState } from "./trainer.ts";

/** Memory that ran out, in the words of WebAssembly and V8. */
const OUT_OF_MEMORY = /out of memory|failed to allocate|Array buffer allocation|could not grow|memory\.grow/i;

/** Waits for the TrainingInit, trains, and says what came of it. Whoever started the worker ends it. */
export function runTraining(port: PortLike): void {
  const channel = portChannel<ToTraining, FromTraining>(port);
  let stops = false;
  channel.receive((message) => {
    if (message.type === "stop") stops = true;
    else
      void perform(channel, message, () => stops).catch((error: unknown) =>
        channel.send({ type: "failed", error: toWireError(failure(error)) }),
      );
  });
}

const failure = (error: unknown): unknown =>
  error instanceof RangeError || OUT_OF_MEMORY.test(String(error))
    ? new KromaError(
        "exhausted",
        "There is not enough memory for this training: try fewer units, or smaller batches.",
        {
          cause: error,
        },
      )
    : error;

async function perform(
  channel: Channel<ToTraining, FromTraining>,
  init: TrainingInit,
  isStopped: () => boolean,
): Promise<void> {
  const { request, workspace, owner } = init;
  const { checkpoint, epochs, layers: asked, loss, optimizer, batchSize, seed } = request;
  let connected: SyncFs | undefined;
  const files = (): SyncFs => {
    if (!workspace) throw new KromaError("unavailable", "The notebook's files cannot be reached here.");
    return (connected ??= new SyncFs(workspace, { owner }));
  };
  const data = await datasetOf(init, "x", "y", request.table, files);
  if (!data) throw new KromaError("invalid", "There is nothing to learn from: give x and y.");
  const validation = await datasetOf(init, "validation.x", "validation.y", request.validationTable, files);
  const layers = planNetwork(asked, data.inputs, loss);
  checkTargets(data, loss, outputsOf(layers));
  if (validation) {
    checkTargets(validation, loss, outputsOf(layers));
    if (validation.inputs !== data.inputs)
      throw new KromaError(
        "invalid",
        `"${validation.names.x}" has ${validation.inputs} numbers for each row, and "${data.names.x}" has ${data.inputs}.`,
      );
  }
  const recipe = { layers: asked, loss, optimizer, batchSize, seed };
  const identity: Identity = { recipe, data: data.digest, validation: validation?.digest };
  const shapes = parameterShapes(layers);
  const found =
    checkpoint === undefined
      ? undefined
      : readCheckpoint(files(), checkpoint, identity, shapes, momentsKept(optimizer));
  if (found && (found.epoch > epochs || (found.epoch === epochs && found.step > 0)))
    throw new KromaError(
      "invalid",
      `"epochs" is ${epochs}, and ${checkpoint} has come to epoch ${found.epoch + Math.sign(found.step)} already. Ask for more, or name another file.`,
    );
  const state = found ?? beginning(firstParameters(layers, seed), momentsKept(optimizer));
  const { epoch, step, history } = state;
  channel.send({ type: "started", resumed: found && { epoch, step }, history });

  let told = history.length;
  const keep = (reached: TrainingState): void => {
    if (checkpoint !== undefined) writeCheckpoint(files(), checkpoint, identity, reached, shapes);
  };
  const hooks: TrainingHooks = {
    onHistory(all: readonly Point[]) {
      // The last one that was told may have more to it now.
      const at = Math.min(told, all.length - 1);
      channel.send({ type: "history", at, points: all.slice(at) });
      told = all.length;
    },
    keep,
    breathe: async () => {
      await new Promise((resolve) => setTimeout(resolve, 0));
      return isStopped();
    },
    now: () => performance.now(),
  };
  const reached = await train({ recipe, layers, data, validation, epochs }, state, hooks);
  if (reached.epoch < epochs) {
    keep(reached);
    channel.send({ type: "stopped", place: { epoch: reached.epoch, step: reached.step } });
    return;
  }
  const trained = denseLayers(layers, reached.parameters);
  const buffers = [
    ...reached.parameters.map((values) => Float32Array.from(values).buffer),
    exportDense(trained).buffer,
  ];
  const described = trained.map(({ weights: { shape }, activation }) => ({ shape, activation }));
  channel.send({ type: "trained", layers: described, buffers }, buffers);
}

function beginning(parameters: readonly Float32Array[], moments: number): TrainingState {
  const zeros = Array.from({ length: moments }, () => parameters.map(({ length }) => new Float32Array(length)));
  return { parameters, moments: zeros, epoch: 0, step: 0, sums: { loss: 0, right: 0, rows: 0 }, history: [] };
}

/** The data of these names, from arrays or from a file; undefined when neither was given. */
async function datasetOf(
  { request, buffers, digests }: TrainingInit,
  xName: WireTensor["name"],
  yName: WireTensor["name"],
  table: TableSource | undefined,
  files: () => SyncFs,
): Promise<Dataset | undefined> {
  const given = (name: WireTensor["name"]) => {
    const index = request.tensors.findIndex((tensor) => tensor.name === name);
    const tensor = request.tensors[index];
    return tensor && { tensor, buffer: buffers[index] ?? new ArrayBuffer(), digest: digests[index] ?? "" };
  };
  const [x, y] = [given(xName), given(yName)];
  if (table) return openTable(files(), table, [xName, yName]);
  if (!x && !y) return undefined;
  if (!x || !y) throw new KromaError("invalid", `"${x ? yName : xName}" is missing.`);
  const said = [x, y].map(({ tensor: { type, dims }, digest }) => [type, dims ?? "", digest].join(" "));
  return arrayDataset(x, y, said.join(", "));
}
