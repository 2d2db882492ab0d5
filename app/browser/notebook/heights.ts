/** Heights of a list's rows as prefix sums (a Fenwick tree): changing one, where one begins, what is at a place: O(log n). */
export class Heights {
  readonly #heights: Float64Array;
  readonly #tree: Float64Array;
  readonly #top: number;

  constructor(heights: readonly number[]) {
    const count = heights.length;
    this.#heights = Float64Array.from(heights);
    this.#tree = new Float64Array(count + 1);
    for (let i = 1; i <= count; i++) {
      this.#tree[i] = (this.#tree[i] ?? 0) + (heights[i - 1] ?? 0);
      const parent = i + (i & -i);
      if (parent <= count) this.#tree[parent] = (this.#tree[parent] ?? 0) + (this.#tree[i] ?? 0);
    }
    this.#top = count === 0 ? 0 : 1 << (31 - Math.clz32(count));
  }

  get count(): number {
    return this.#heights.length;
  }

  get total(): number {
    return this.top(this.count);
  }

  /** Height of row `index`. */
  height(index: number): number {
    return this.#heights[index] ?? 0;
  }

  /** Sets a height; false when it was that already. */
  set(index: number, height: number): boolean {
    const change = height - this.height(index);
    if (change === 0 || index < 0 || index >= this.count) return false;
    this.#heights[index] = height;
    for (let i = index + 1; i <= this.count; i += i & -i) this.#tree[i] = (this.#tree[i] ?? 0) + change;
    return true;
  }

  /** Where row `index` begins; `top(count)` is the end of the last. */
  top(index: number): number {
    let sum = 0;
    for (let i = Math.min(index, this.count); i > 0; i -= i & -i) sum += this.#tree[i] ?? 0;
    return sum;
  }

  /** The row that covers `y`, clamped to the list; -1 in an empty one. */
  find(y: number): number {
    let index = 0;
    let rest = y;
    for (let bit = this.#top; bit > 0; bit >>= 1) {
      const next = index + bit;
      if (next <= this.count && (this.#tree[next] ?? 0) <= rest) {
        index = next;
        rest -= this.#tree[next] ?? 0;
      }
    }
    return Math.min(index, this.count - 1);
  }
}
