/**
 * Many people at once, for a while, by a seeded plan: they edit, meet, part, are cut off from each other, crash and come
 * back with wrong clocks, and in the end meet again. Then all have the same notebook, no cell twice, and nothing is gone
 * that was said to be on disk. The seed is printed; KROMA_SEED repeats its plan.
 */
import { afterEach, expect, it } from "vitest";
import { KromaError } from "#core/base/errors.ts";
import type { CellId, DocumentId } from "#core/base/ids.ts";
import type { InvitationSecret } from "#core/mesh/mesh.ts";
import { isSameJson } from "#core/base/canonical-json.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import type { SharedFile } from "#core/notebook/files.ts";
import { blockCid } from "#core/store/cid.ts";
import { cellId, newCell, openWith, plain, saved } from "../notebook/kit.ts";
import { link, person, until, type Person } from "./people.ts";

/** mulberry32: small, and the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Someone {
  person: Person;
  client: NotebookClient | undefined;
  /** Their clock is wrong by so much. */
  readonly skew: number;
}

class Simulation {
  readonly random: () => number;
  readonly people: Someone[] = [];
  /** By the two who are linked. */
  readonly links = new Map<string, () => void>();
  /** Cells that were said to be on disk, and were not deleted by anybody. */
  readonly acknowledged = new Set<CellId>();
  readonly deleted = new Set<CellId>();
  /** CIDs of files that were said to be on disk, and that nobody may have replaced or deleted. */
  readonly keptFiles = new Set<string>();
  document: DocumentId | undefined;
  invitation: InvitationSecret | undefined;
  #cells = 0;

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)] as T;
  }

  async start(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      // Some hours, in one case a year: joining is judged by the entry's own time within a tolerance of a day.
      const skew = index === count - 1 ? 365 * 86_400_000 : Math.round((this.random() - 0.5) * 20 * 3_600_000);
      const someone = await person(`P${index}`, undefined, skew);
      this.people.push({ person: someone, client: undefined, skew });
    }
    const [owner] = this.people as [Someone];
    owner.client = await openWith(owner.person.library, [newCell("first", "x = 1")]);
    this.document = owner.client.document;
    await owner.person.mesh.share(this.document, "P0");
    const expires = Date.now() + 7 * 86_400_000;
    this.invitation = await owner.person.mesh.invite(this.document, { role: "editor", uses: "many", expires });
    for (const { person: guest } of this.people.slice(1, -1)) await guest.mesh.join(this.invitation, guest.name);
  }

  meet(one: number, other: number): void {
    const key = [one, other].sort((a, b) => a - b).join("-");
    if (one === other || this.links.has(key)) return;
    const [left, right] = [this.people[one], this.people[other]] as [Someone, Someone];
    this.links.set(key, link(left.person, right.person).cut);
  }

  cut(key: string): void {
    this.links.get(key)?.();
    this.links.delete(key);
  }

  /** Those who have the notebook have it open. */
  async openAll(): Promise<void> {
    for (const someone of this.people) {
      if (!someone.client && this.document && someone.person.mesh.notebook(this.document)?.isHere)
        someone.client = await someone.person.library.open(this.document);
    }
  }

  async step(): Promise<void> {
    const chance = this.random();
    const someone = this.pick(this.people);
    const index = this.people.indexOf(someone);
    if (chance < 0.4) await this.edit(someone);
    else if (chance < 0.45) await this.changeFiles(someone);
    else if (chance < 0.75) this.meet(index, Math.floor(this.random() * this.people.length));
    else if (chance < 0.9 && this.links.size > 0) this.cut(this.pick([...this.links.keys()]));
    else if (chance < 0.94) this.partition();
    else if (chance < 0.97) await this.crash(index);
    else if (chance < 0.985) await this.reseed(someone);
    else await this.openAll();
  }

  async edit({ client }: Someone): Promise<void> {
    if (!client) return;
    const cells = client.notebook.cells;
    const chance = this.random();
    const cell = cells.length > 0 ? this.pick(cells) : undefined;
    if (cell && chance < 0.4) {
      const { source, textVersion } = cell;
      const mark = `${Math.floor(this.random() * 1000)} `;
      const changes = source.length > 0 ? ([[0, mark], source.length] as const) : ([[0, mark]] as const);
      await client.edit(cell.id, textVersion, [{ client: "me", changes }], () => mark + source);
      // Typing brings a cell back that somebody deletes at the same time.
      this.deleted.delete(cell.id);
    } else if (cell && chance < 0.5 && cells.length > 3) {
      this.deleted.add(cell.id);
      await client.change([{ type: "delete_cell", cell: cell.id }]);
    } else if (cell && chance < 0.6) {
      await client.change([{ type: "move_cell", cell: cell.id, after: this.pick(cells).id }]);
    } else {
      const id = cellId(`c${(this.#cells += 1)}`);
      await client.change([{ type: "insert_cell", cell: newCell(id, `${id} = 1`), after: cell?.id }]);
      if (this.random() < 0.5) {
        await saved(client);
        this.acknowledged.add(id);
      }
    }
  }

  /** Some write the same few files, some a file of their own. */
  async changeFiles({ client }: Someone): Promise<void> {
    if (!client) return;
    await client.files.load();
    const chance = this.random();
    const bytes = new TextEncoder().encode(`${chance} ${this.random()}`);
    const file = { type: "put_file", bytes, modified: 1000, executable: chance < 0.5 } as const;
    if (chance < 0.7) await client.files.perform({ ...file, path: this.pick(["data/a.csv", "b.txt", "c"]) });
    else if (chance < 0.8) await client.files.perform({ type: "delete_file", path: this.pick(["b.txt", "c"]) });
    else {
      await client.files.perform({ ...file, path: `own/${bytes.length}-${this.random()}` });
      await this.people.find((one) => one.client === client)?.person.host.flush();
      this.keptFiles.add(await blockCid(bytes));
    }
  }

  /** Each does it for themselves, whatever the others do. */
  async reseed({ client }: Someone): Promise<void> {
    await client?.reseed();
  }

  /** Everyone is in one of two places from now on, and nothing goes between. */
  partition(): void {
    const border = Math.floor(this.random() * this.people.length);
    for (const key of this.links.keys()) {
      const [left, right] = key.split("-").map(Number) as [number, number];
      if (left < border !== right < border) this.cut(key);
    }
  }

  /** What is not on the disk is gone. */
  async crash(index: number): Promise<void> {
    const someone = this.people[index] as Someone;
    for (const key of this.links.keys()) if (key.split("-").includes(String(index))) this.cut(key);
    const { store, blocks, fileBlocks, signer } = someone.person;
    store.failure = new KromaError("unavailable", "It has crashed.");
    await someone.person.close().catch(() => undefined);
    store.failure = undefined;
    someone.client = undefined;
    someone.person = await person(signer.identity.name ?? "", { store, blocks, fileBlocks, signer }, someone.skew);
  }

  async end(): Promise<void> {
    const [owner] = this.people as [Someone];
    for (let index = 1; index < this.people.length; index += 1) {
      this.meet(0, index);
      this.meet(index - 1, index);
    }
    const late = (this.people.at(-1) as Someone).person;
    const [document, invitation] = [this.document as DocumentId, this.invitation as InvitationSecret];
    // Whose clock is a year ahead finds the invitation ended, and is told so, also by those who have it.
    await late.mesh.join(invitation, late.name);
    await until(() => late.mesh.notebook(document)?.trouble !== undefined, "the clock that is a year ahead is told");
    this.people.pop();
    await late.close();
    await until(
      async () => {
        await this.openAll();
        return this.people.every(({ client }) => client);
      },
      "all have the notebook",
      120_000,
    );
    owner.client ??= await owner.person.library.open(document);
    const heads = async () => {
      const all = await Promise.all(this.people.map(({ person: { host } }) => host.heads(document)));
      return new Set(all.map((one) => [...one].sort().join())).size;
    };
    await until(async () => (await heads()) === 1, "all have the same changes", 120_000);
    for (const { client } of this.people) await client?.files.load();
    const files = () => this.people.map(({ client }) => client?.files.shared);
    await until(
      () => files().every((one) => isSameJson(one, files()[0])) && (files()[0]?.files.every(isWhole) ?? false),
      "all have the same files, with all their bytes",
      120_000,
    );
  }
}

const isWhole = ({ here, size }: SharedFile): boolean => here === size;

let simulation: Simulation | undefined;
afterEach(async () => {
  for (const { person: someone } of simulation?.people ?? []) await someone.close();
});

it.each([
  { people: 8, steps: 250 },
  { people: 50, steps: 300 },
])(
  "$people people in $steps steps end with one notebook and the same files (S4, S6, S11, F5)",
  { timeout: 240_000 },
  async ({ people, steps }) => {
    const seed = Number(process.env["KROMA_SEED"] ?? Math.floor(Math.random() * 1e9));
    console.info(`seed ${seed}`);
    simulation = new Simulation(seed);
    const { people: all } = simulation;
    await simulation.start(people);
    for (let step = 0; step < steps; step += 1) {
      await simulation.step();
      // What is under way goes on a little, differently far each time.
      for (let turn = simulation.random() * 20; turn > 0; turn -= 1) await new Promise(setImmediate);
      if (step % 10 === 0) await simulation.openAll();
    }
    await simulation.end();
    const [first, ...rest] = all.map(({ client }) => plain((client as NotebookClient).notebook));
    for (const other of rest) expect(other).toEqual(first);
    const ids = (all[0] as Someone).client?.notebook.cells.map(({ id }) => id) ?? [];
    expect(new Set(ids).size).toBe(ids.length);
    const cids = all[0]?.client?.files.shared.files.map(({ cid }) => cid) ?? [];
    for (const cid of simulation.keptFiles) expect(cids).toContain(cid);
    for (const id of simulation.acknowledged) if (!simulation.deleted.has(id)) expect(ids).toContain(id);
  },
);
