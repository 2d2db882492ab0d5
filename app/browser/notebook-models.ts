/**
 * Which models from elsewhere the notebooks of this browser have used, and giving those of a shared notebook to its people
 * (core/mesh/SPEC.md, D1 to D3). It is kept in this browser's storage and never in a notebook; what is there no more is not given,
 * whatever the list says.
 */
import { createRoot, createSignal } from "solid-js";
import * as v from "valibot";
import { readModelAddress } from "#core/artefact/model-address.ts";
import type { DocumentId } from "#core/base/ids.ts";
import { LONGEST_OFFERED_ADDRESS, MOST_OFFERED, type OfferedModel } from "#core/mesh/offered-model.ts";
import type { PageActions } from "#kit/commands.ts";
import { readSettings, writeSettings } from "./settings.ts";

const KEY = "kroma-notebook-models";
/** Notebooks whose models are remembered; of more the latest. */
const MOST_NOTEBOOKS = 100;

const Used = v.record(
  v.string(),
  v.pipe(v.array(v.object({ address: v.string(), cid: v.string(), size: v.number() })), v.maxLength(MOST_OFFERED)),
);
type UsedModels = Readonly<Record<string, readonly OfferedModel[]>>;

const [used, setUsed] = createRoot(() => createSignal<UsedModels>(read()));
const [gives, setGives] = createRoot(() => createSignal(readSettings().givesModels));

/** True when models of a shared notebook are given to its people. Tracks. */
export const givesModels = gives;

/** Changes that, for all notebooks of this browser. */
export function setGivesModels(next: boolean): void {
  setGives(next);
  writeSettings({ ...readSettings(), givesModels: next });
}

/** What of a notebook's models its people are given. Tracks. */
export const givenModels = (document: DocumentId): readonly OfferedModel[] => (gives() ? (used()[document] ?? []) : []);

/** A notebook that is trusted has used a model, which is here now. */
export function noteModel(document: DocumentId, model: OfferedModel): void {
  if (!mayBeTold(model.address)) return;
  const all = used();
  const before = all[document] ?? [];
  if (before.some(({ address, cid }) => address === model.address && cid === model.cid)) return;
  const models = [model, ...before.filter(({ address }) => address !== model.address)].slice(0, MOST_OFFERED);
  const { [document]: _, ...others } = all;
  keep(Object.fromEntries([...Object.entries(others).slice(1 - MOST_NOTEBOOKS), [document, models]]));
}

/** A model is not kept here any more. */
export function forgetModel(address: string): void {
  const left = Object.entries(used()).map(([document, models]) => {
    return [document, models.filter((model) => model.address !== address)] as const;
  });
  keep(Object.fromEntries(left.filter(([, models]) => models.length > 0)));
}

/** A block of a model that a notebook's people are given; undefined for every other. */
export async function giveModelBlock(
  { artefacts, models }: Pick<PageActions, "artefacts" | "models">,
  document: DocumentId,
  cid: string,
): Promise<Uint8Array | undefined> {
  for (const model of givenModels(document)) {
    const address = readModelAddress(model.address);
    const bytes =
      address?.type === "web"
        ? await (await models()).block(model.address, cid)
        : address && (await artefacts.client().modelBlock(address, cid));
    if (bytes) return bytes;
  }
  return undefined;
}

/** An address with a query, a name or a password in it may be a secret. */
function mayBeTold(address: string): boolean {
  const url = URL.parse(address);
  return address.length <= LONGEST_OFFERED_ADDRESS && url?.search === "" && url.username === "" && url.password === "";
}

function keep(next: UsedModels): void {
  setUsed(next);
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // Storage is denied or full: it lasts until the page closes.
  }
}

function read(): UsedModels {
  try {
    return v.parse(Used, JSON.parse(localStorage.getItem(KEY) ?? "{}"));
  } catch {
    // Storage denied, or something else: nothing is known of any.
    return {};
  }
}
