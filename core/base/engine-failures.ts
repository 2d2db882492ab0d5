/** What failures of an engine of native code or WebAssembly mean for those who use it, told by their words. */

/** Memory that ran out, in the words of WebAssembly, Emscripten, C++ and V8. */
const OUT_OF_MEMORY =
  /bad_alloc|out of memory|memory access out of bounds|failed to allocate|Array buffer allocation|Cannot enlarge memory|OrtArenaCfg|unreachable executed/i;

/** True when there was not enough memory. */
export const isOutOfMemory = (text: string): boolean => OUT_OF_MEMORY.test(text);

/** True when the engine can't be trusted any more after this. */
export const isFatal = (error: unknown): boolean =>
  error instanceof WebAssembly.RuntimeError || /Aborted\(|table index is out of bounds|unreachable/.test(String(error));
