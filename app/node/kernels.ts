/** The kernels of the command line. */
import type { Kernel } from "#core/kernel/kernel.ts";
import { chatKernel } from "#kernels/chat/kernel.ts";
import { pythonKernel } from "#kernels/python/kernel.ts";
import { shellKernel } from "#kernels/shell/kernel.ts";
import { sqlKernel } from "#kernels/sql/kernel.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";

/** All kernels there are, the notebook's usual first one first. */
export const kernels: readonly Kernel[] = [pythonKernel, typescriptKernel, shellKernel, sqlKernel, chatKernel];
