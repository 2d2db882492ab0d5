/**
 * What Debian's maintainer scripts would do when packages are installed, done here as data because no script of a
 * package runs: the alternatives, the certificates, the accounts, dpkg's own records, and a list of what there is.
 */
import type { PackageRecord } from "./debian.ts";
import { libraryCache } from "./library-cache.ts";
import type { Tree } from "./tree.ts";

/** A package and the paths it put into the tree. */
export interface InstalledPackage extends PackageRecord {
  readonly files: readonly string[];
}

/** Where i386 libraries are. */
const LIBRARIES = "usr/lib/i386-linux-gnu";

/** Names that update-alternatives would make, and the one other Debian package that is only a link (python-is-python3). */
const LINKS: Readonly<Record<string, string>> = {
  "usr/bin/sh": "dash",
  "usr/bin/awk": "gawk",
  "usr/bin/nawk": "gawk",
  "usr/bin/which": "which.debianutils",
  "usr/bin/pager": "less",
  "usr/bin/vim": "vim.basic",
  "usr/bin/vi": "vim.basic",
  "usr/bin/view": "vim.basic",
  "usr/bin/vimdiff": "vim.basic",
  "usr/bin/rvim": "vim.basic",
  "usr/bin/ex": "vim.basic",
  "usr/bin/editor": "vim.basic",
  "usr/bin/pico": "nano",
  "usr/bin/python": "python3",
  "usr/bin/lua": "lua5.4",
  "usr/bin/luac": "luac5.4",
  "usr/bin/cc": "tcc",
  "usr/bin/c99": "tcc",
  "usr/bin/fd": "fdfind",
  "usr/bin/nc": "nc.openbsd",
  "usr/bin/netcat": "nc.openbsd",
  "usr/bin/rename": "file-rename",
  "usr/bin/tclsh": "tclsh8.6",
  "usr/bin/lzma": "xz",
  "usr/bin/unlzma": "unxz",
  "usr/bin/lzcat": "xzcat",
  "usr/bin/lzless": "xzless",
  "usr/bin/lzmore": "xzmore",
  "usr/bin/lzcmp": "xzcmp",
  "usr/bin/lzdiff": "xzdiff",
  "usr/bin/lzgrep": "xzgrep",
  "usr/bin/lzegrep": "xzegrep",
  "usr/bin/lzfgrep": "xzfgrep",
  // Each program asks for twelve files under the name of its locale first; Debian has them under the other spelling.
  "usr/lib/locale/C.UTF-8": "C.utf8",
  [`${LIBRARIES}/libblas.so.3`]: "blas/libblas.so.3",
  [`${LIBRARIES}/liblapack.so.3`]: "lapack/liblapack.so.3",
  "var/lock": "/run/lock",
  "var/run": "/run",
  "etc/localtime": "/usr/share/zoneinfo/Etc/UTC",
};

/** Files that packages keep as patterns, and where their scripts copy them. */
const COPIES: Readonly<Record<string, string>> = {
  "etc/profile": "usr/share/base-files/profile",
  "root/.profile": "usr/share/base-files/dot.profile",
  "etc/inputrc": "usr/share/readline/inputrc",
};

const DIRECTORIES: readonly string[] = ["etc/opt", "media", "mnt", "opt", "srv", "var/mail", "var/opt"];

const TEXTS: Readonly<Record<string, string>> = {
  "etc/hostname": "kroma\n",
  "etc/hosts": "127.0.0.1 localhost kroma\n::1 localhost\n",
  "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n",
  "etc/resolv.conf": "",
  "etc/timezone": "Etc/UTC\n",
  "etc/shells": "/bin/sh\n/bin/bash\n/bin/dash\n",
  // For all programs that ask who somebody is (su, sudo, passwd): root may, others need a password.
  "etc/pam.d/other":
    "auth sufficient pam_rootok.so\nauth required pam_unix.so\naccount required pam_permit.so\n" +
    "password required pam_unix.so yescrypt\nsession required pam_permit.so\n",
  "etc/gitconfig":
    '[user]\n\tname = Kroma\n\temail = kroma@localhost\n[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = "*"\n',
  "root/.bashrc": "",
};

/** Completes the tree of unpacked packages; `outside` are those of the kernel and the firmware, which are not files of it. */
export function configure(tree: Tree, packages: readonly InstalledPackage[], outside: readonly PackageRecord[]): void {
  for (const [path, target] of Object.entries(LINKS)) tree.symlink(path, target);
  for (const [path, content] of Object.entries(TEXTS)) tree.text(path, content);
  for (const path of DIRECTORIES) tree.directory(path);
  for (const [path, from] of Object.entries(COPIES)) {
    const entry = tree.get(from);
    if (!entry) throw new Error(`${from} is not among the packages`);
    tree.set(path, entry);
  }
  accounts(tree);
  certificates(tree);
  const cache = libraryCache(tree, LIBRARIES, "/lib/i386-linux-gnu");
  tree.set("etc/ld.so.cache", { kind: "file", mode: 0o644, data: cache });
  records(tree, packages);
  tree.text("usr/share/doc/kroma/packages", packageList(tree, [...packages, ...outside]));
}

/** The accounts that every Debian has, as update-passwd makes them; nobody can log in by a password. */
function accounts(tree: Tree): void {
  for (const [name, shadow, hidden] of [
    ["passwd", "shadow", "::0:99999:7:::"],
    ["group", "gshadow", "::"],
  ] as const) {
    const entry = tree.get(`usr/share/base-passwd/${name}.master`);
    if (entry?.kind !== "file") throw new Error(`Debian's list of accounts (${name}) is not among the packages`);
    const lines = new TextDecoder().decode(entry.data).trimEnd().split("\n");
    tree.text(`etc/${name}`, `${lines.map((line) => line.replace(":*:", ":x:")).join("\n")}\n`);
    tree.text(`etc/${shadow}`, `${lines.map((line) => `${line.split(":")[0]}:*${hidden}`).join("\n")}\n`, 0o640);
  }
}

/** One file of all certificates, as update-ca-certificates makes it. */
function certificates(tree: Tree): void {
  const decoder = new TextDecoder();
  let all = "";
  for (const [path, entry] of tree.entries()) {
    if (entry.kind !== "file" || !/^usr\/share\/ca-certificates\/.*\.crt$/.test(path)) continue;
    all += `${decoder.decode(entry.data).trimEnd()}\n`;
  }
  tree.text("etc/ssl/certs/ca-certificates.crt", all);
}

/** dpkg's records, so that `dpkg -l` tells what there is and a package of one's own can be added. */
function records(tree: Tree, packages: readonly InstalledPackage[]): void {
  const status = packages.map(({ control }) => {
    const [name = "", ...rest] = control.trimEnd().split("\n");
    return `${[name, "Status: install ok installed", ...rest].join("\n")}\n`;
  });
  tree.text("var/lib/dpkg/status", status.join("\n"));
  tree.text("var/lib/dpkg/available", "");
  tree.text("var/lib/dpkg/info/format", "1\n");
  tree.text("var/lib/dpkg/arch", "i386\n");
  for (const directory of ["updates", "triggers", "alternatives", "parts"]) tree.directory(`var/lib/dpkg/${directory}`);
  for (const { name, architecture, multiArch, files } of packages) {
    const list = files.map((path) => `/${path}\n`).join("");
    tree.text(`var/lib/dpkg/info/${multiArch ? `${name}:${architecture}` : name}.list`, `/.\n${list}`);
  }
}

/** The list of packages: name, version, source package and licence file, a line each. */
function packageList(tree: Tree, packages: readonly PackageRecord[]): string {
  const lines = packages.map(({ name, version, source }) => {
    const licence = licenceFile(tree, name);
    return [name, version, source, licence ? `/${licence}` : "-"].join("\t");
  });
  return [
    "# What this machine is made of: Debian packages, unchanged but for files that are left out (manual pages, translations).",
    "# The sources of each are Debian's source package of that name, of the same version unless another is named.",
    "# package\tversion\tsource\tlicence",
    ...lines,
    "",
  ].join("\n");
}

/** A package's licence; its documentation may be a link to another package's, and that one too. */
function licenceFile(tree: Tree, name: string, links = 0): string | undefined {
  const folder = tree.get(`usr/share/doc/${name}`);
  if (folder?.kind === "symlink")
    return links < 8 ? licenceFile(tree, folder.target.replace(/^.*\//, ""), links + 1) : undefined;
  const path = `usr/share/doc/${name}/copyright`;
  return tree.get(path) ? path : undefined;
}
