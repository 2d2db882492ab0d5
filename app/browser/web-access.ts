/**
 * Which hosts of the web the programs of a notebook's Linux machine may reach: for each notebook, kept in this browser
 * and never in the notebook, so that nobody brings permissions along with a document. Checked on reading.
 */
import { createRoot, createSignal, type Accessor } from "solid-js";
import * as v from "valibot";
import { isHostName } from "#core/kernel/machine.ts";

const KEY = "kroma-web-access";
const MOST = 200;
const Schema = v.record(v.string(), v.pipe(v.array(v.pipe(v.string(), v.check(isHostName))), v.maxLength(MOST)));
type Stored = Readonly<Record<string, readonly string[]>>;

function read(): Stored {
  try {
    const stored = v.safeParse(Schema, JSON.parse(localStorage.getItem(KEY) ?? "{}"));
    return stored.success ? stored.output : {};
  } catch {
    // Storage denied, or not JSON: nothing is allowed.
    return {};
  }
}

const [hosts, setHosts] = createRoot(() => createSignal<Stored>(read()));

/** The hosts that the notebook's shell may reach. */
export function allowedHosts(document: string): Accessor<readonly string[]> {
  return () => hosts()[document] ?? [];
}

/** Allows these and no others. Where storage is denied it lasts as long as the page. */
export function allowHosts(document: string, list: readonly string[]): void {
  const { [document]: _, ...others } = { ...read(), ...hosts() };
  const next = list.length === 0 ? others : { ...others, [document]: [...new Set(list)].slice(-MOST) };
  setHosts(next);
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch {}
}
