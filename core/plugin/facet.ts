/** A named place that plugins add values to, and the rule that combines them. After CodeMirror's facets. */

/** Reading always works: with no values, `combine([])` is the answer. */
export class Facet<Input, Output = readonly Input[]> {
  readonly name: string;
  readonly combine: (inputs: readonly Input[]) => Output;

  private constructor(name: string, combine: (inputs: readonly Input[]) => Output) {
    this.name = name;
    this.combine = combine;
  }

  static define<I>(name: string): Facet<I>;
  static define<I, O>(name: string, combine: (inputs: readonly I[]) => O): Facet<I, O>;
  static define<I, O>(name: string, combine?: (inputs: readonly I[]) => O): Facet<I, O> {
    return new Facet(name, combine ?? ((inputs) => inputs as unknown as O));
  }

  /** An extension that adds `value` here. */
  of(value: Input): Extension {
    return { facet: this as Facet<unknown, unknown>, value };
  }
}

/** One value for one facet. */
export interface Extension {
  readonly facet: Facet<unknown, unknown>;
  readonly value: unknown;
}

/** A plugin is data first; what is heavy it loads when used. */
export interface Plugin {
  readonly id: string;
  readonly provides: readonly Extension[];
}

/** The plugins of one program, and the only way to read what they provide. */
export class PluginHost {
  readonly #values = new Map<Facet<unknown, unknown>, unknown[]>();
  readonly #combined = new Map<Facet<unknown, unknown>, unknown>();

  constructor(plugins: readonly Plugin[]) {
    const ids = new Set<string>();
    for (const plugin of plugins) {
      if (ids.has(plugin.id)) throw new Error(`Two plugins are called ${plugin.id}`);
      ids.add(plugin.id);
      for (const { facet, value } of plugin.provides) {
        const values = this.#values.get(facet);
        if (values) values.push(value);
        else this.#values.set(facet, [value]);
      }
    }
  }

  /** What all plugins together say for a facet, in the order they were listed. */
  get<I, O>(facet: Facet<I, O>): O {
    const key = facet as unknown as Facet<unknown, unknown>;
    if (!this.#combined.has(key)) this.#combined.set(key, key.combine(this.#values.get(key) ?? []));
    return this.#combined.get(key) as O;
  }
}
