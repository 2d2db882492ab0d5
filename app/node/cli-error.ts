/** Bad input or usage on the command line: one clear sentence, and exit status 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Where the verbs write. Standard output belongs to results, standard error to everything said about them. */
export interface Terminal {
  out(text: string): void;
  say(line: string): void;
}

/** The process's own terminal. A reader that goes away (`| head`) is no error. */
export function processTerminal(): Terminal {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return {
    out: (text) => void process.stdout.write(text),
    say: (line) => void process.stderr.write(`kroma: ${line}\n`),
  };
}
