/** What the SQL worker is told first. */
import type { KernelInit } from "#core/kernel/kernel.ts";

export interface SqlInit extends KernelInit {
  /** Number under which this worker holds its slot of the workspace. */
  readonly owner: number;
}
