/** The command line: finds the verb, gives it the arguments, and turns its answer into an exit status. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { KromaError } from "#core/base/errors.ts";
import { UsageError, processTerminal } from "./cli-error.ts";

const help = `Kroma: notebooks of Python, TypeScript and Linux cells.

  kroma run FILE [options]    runs a notebook (.ipynb, .py or .ts with "# %%" cells; "-" reads standard input)
      --output OUT            writes the notebook with its outputs (.ipynb, .py, .ts), also when a cell failed
      --json                  one line of JSON for each code cell on standard output, and nothing else there
      --timeout SECONDS       interrupts a cell that takes longer; it counts as failed (CellTimeoutError)
      --allow-errors          goes on after a failed cell
      --stdin FILE            lines for input(); without it input() raises EOFError
      --machine FOLDER        keeps what Linux changes in FOLDER, for the next run; without it, it ends with the run
      --allow-net HOST        lets programs of the Linux machine reach this host (may be repeated; "host:port", "*.host")
      --from SOURCE           who has what its cells load by CID (as for fetch; may be repeated)
      --quiet                 no progress on standard error
  kroma run CID [options]     the same for an artefact, fetched if it isn't here: its files in a fresh folder, its code with
                              the powers of a stranger's (--from as for fetch)
  kroma convert IN OUT        .ipynb to percent script (.py, .ts) and back; the endings tell the formats
  kroma publish FILE [options]
                              makes a signed artefact of a notebook, its outputs and the files that its cells use; pins
                              it, and writes its CID to standard output
      --car OUT.car           writes it as a CAR file too
      --title, --author, --licence, --name, --version TEXT
                              what it says of itself (--author may be repeated: "Ada <ada@example.org>")
      --parent CID            what it was made from (may be repeated)
      --file PATH             takes this file or folder along too (may be repeated)
      --allow-secrets         publishes what looks like a secret all the same
      --capability NAME       a power that it asks for (may be repeated): network, storage, clipboard, camera, microphone, ...
      --with-runtime          a copy of Kroma goes along: it runs at any host of files, without another Kroma
      --with-linux            the Linux image goes along with the copy; it is named by its CID otherwise
      --self                  instead of a notebook Kroma itself, as an app (--car, --title, --author, ... as above)
      --from SOURCE           who has the models that its cells load by CID, which then belong to it (may be repeated)
      --no-models             leaves them out
      --kind model            publishes a model's file instead, with those that --file names; its cells load it by the CID
  kroma fetch CID [options]   gets an artefact, checks every block, and pins it
      --from SOURCE           a gateway's or a mirror's web address, the address of a peer of IPFS (/ip4/…/p2p/…), or a
                              .car file (may be repeated)
      --output FOLDER         writes its files there
  kroma verify CID|FILE.car   checks every block and both signatures (--from as for fetch)
  kroma pin CID [--name TEXT] keeps an artefact, or anything else that has a CID (--from as for fetch)
      --service URL           at this pinning service, too, and waits until it has it; a mirror's is GATEWAY/pinning
      --token-file FILE       its token; without it, KROMA_PIN_TOKEN in the environment
  kroma unpin CID             lets it go, and removes what nothing else keeps (--service URL: there instead of here)
  kroma pins [--long]         what is kept (--service URL: there, with its state)
  kroma car import FILE       takes the blocks of a CAR file ("-" reads standard input) and pins its roots
  kroma car export CID… [--output FILE.car]
                              writes everything below them as a CAR file, or to standard output
  kroma name publish CID      from now on your name stands for this, for 90 days (--days N); writes the name
      --to URL                a mirror or router that is told (may be repeated; else those in KROMA_NAME_SERVERS)
  kroma name resolve NAME     what a name stands for; a newer version is told, and taken with --accept
      --from SOURCE           a mirror's or router's web address, or a peer's (/ip4/…/p2p/…), to be asked (may be repeated)
  kroma serve [options]       serves the built page
      --port PORT             8040, or the next free one
      --host HOST             127.0.0.1; name another address to let other machines in
      --no-open               opens no browser
  kroma mirror [options]      serves the page and is a peer that is always on: it passes others on to each other
      --data FOLDER           what it keeps: its identity and notebooks; another folder is another mirror
      --join LINK             takes part in a notebook by an invitation, and keeps it from then on (may be repeated)
      --port PORT             8050: TCP for the page and WebSockets, UDP for WebRTC
      --host HOST             127.0.0.1; name another address to let other machines in
      --public URL            where others reach it through a proxy that does TLS (https://kroma.example)
      --gateway-port PORT     8051: what is published and pinned here, for readers and programs, on an origin of its own
      --public-gateway URL    where others reach that through a proxy (https://kroma-gateway.example)
  kroma mirror token NAME     makes a token for the mirror's pinning service (--quota 10GB, --remove; --data as above)
  kroma vm build [--update]   makes the Linux image (or takes the one that KROMA_VM_IMAGE names)
  kroma vm list               the images that are here
  kroma vm export [IMAGE] --output FILE.car
                              writes an image as a CAR file, and its CID on standard output
  kroma vm import SOURCE      takes an image from a .car file, a folder, a web address of a folder, or a CID
  kroma vm shell [FOLDER]     a terminal on a fresh machine, the folder at /workspace; commands from a pipe
  kroma help, kroma --version

Exit status of run: 0 all cells ran, 1 a cell failed, 2 bad input or usage, 130 interrupted.
Of verify: 0 all blocks are right and all signatures hold, 1 they don't, 2 bad input or usage. Of unpin: 1 was not pinned.
Of the others: 0 done, 2 bad input or usage or not to be had, 130 interrupted.
What is published and pinned is kept in KROMA_HOME, or the platform's usual folder for data.
`;

const verbs: Readonly<Record<string, () => Promise<(args: readonly string[]) => Promise<number>>>> = {
  run: async () => {
    const { run } = await import("./run.ts");
    return (args) => run(args, terminal);
  },
  convert: async () => {
    const { convert } = await import("./convert.ts");
    return (args) => convert(args, terminal);
  },
  publish: async () => {
    const { publish } = await import("./artefacts/publish.ts");
    return (args) => publish(args, terminal);
  },
  fetch: async () => {
    const { fetchVerb } = await import("./artefacts/fetch.ts");
    return (args) => fetchVerb(args, terminal);
  },
  verify: async () => {
    const { verify } = await import("./artefacts/verify.ts");
    return (args) => verify(args, terminal);
  },
  pin: async () => {
    const { pin } = await import("./artefacts/pins.ts");
    return (args) => pin(args, terminal);
  },
  unpin: async () => {
    const { unpin } = await import("./artefacts/pins.ts");
    return (args) => unpin(args, terminal);
  },
  pins: async () => {
    const { pins } = await import("./artefacts/pins.ts");
    return (args) => pins(args, terminal);
  },
  car: async () => {
    const { car } = await import("./artefacts/car.ts");
    return (args) => car(args, terminal);
  },
  name: async () => {
    const { nameVerb } = await import("./artefacts/name.ts");
    return (args) => nameVerb(args, terminal);
  },
  serve: async () => {
    const { serve } = await import("./serve.ts");
    return (args) => serve(args, terminal);
  },
  mirror: async () => {
    const { mirror } = await import("./mirror.ts");
    return (args) => mirror(args, terminal);
  },
  vm: async () => {
    const { vm } = await import("./vm.ts");
    return (args) => vm(args, terminal);
  },
};

const terminal = processTerminal();

async function main(args: readonly string[]): Promise<number> {
  const [verb, ...rest] = args;
  if (verb === undefined || verb === "help" || verb === "--help" || verb === "-h") {
    terminal.out(help);
    return verb === undefined ? 2 : 0;
  }
  if (verb === "--version" || verb === "version") {
    const text = readFileSync(join(import.meta.dirname, "../../package.json"), "utf8");
    terminal.out(`${(JSON.parse(text) as { version: string }).version}\n`);
    return 0;
  }
  const load = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (!load) throw new UsageError(`there is no verb "${verb}"; try: kroma help`);
  if (rest.includes("--help") || rest.includes("-h")) {
    terminal.out(help);
    return 0;
  }
  const perform = await load();
  return perform(rest);
}

try {
  // Threads of kernels must not keep a finished command alive.
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof KromaError)) throw error;
  terminal.say(error.message);
  process.exit(error instanceof KromaError && error.code === "aborted" ? 130 : 2);
}
