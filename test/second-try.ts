/**
 * Names the tests that passed only at their second try, after the run, with what went wrong at the first: on a machine
 * that many share a wait can be too short, and one such test must not cost the whole run. Each is a fault all the same.
 */
import type { Reporter, TestCase, TestModule } from "vitest/node";

const told = (test: TestCase): string => {
  const [error] = test.result().errors ?? [];
  return `  ${test.module.relativeModuleId} > ${test.fullName}\n    ${(error?.stack ?? error?.message ?? "").replaceAll("\n", "\n    ")}`;
};

export const secondTry: Reporter = {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const flaky = modules.flatMap((module) =>
      [...module.children.allTests("passed")].filter((test) => test.diagnostic()?.flaky).map(told),
    );
    if (flaky.length > 0) process.stderr.write(`kroma: passed only at the second try:\n${flaky.join("\n")}\n`);
  },
};
