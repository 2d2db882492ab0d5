/**
 * What the Linux image is made of, as data: packages, what is left out, the machine it is saved from. Changing any of
 * it makes a new image. Exact versions are in packages.lock.json (`node vm-images/build.ts --update` renews them).
 */

import { DEVICES } from "#kernels/shell/machine.ts";

/** Debian's release that the packages are taken from. */
export const SUITE = "bookworm";

/** The machine. A state can only be restored into a machine with the same devices and memory. */
export const MACHINE = {
  memory: 256 * 1024 * 1024,
  vgaMemory: 2 * 1024 * 1024,
  devices: DEVICES,
  commandLine:
    "console=ttyS0 quiet tsc=reliable mitigations=off random.trust_cpu=on nokaslr ipv6.disable=1 init_on_alloc=0 " +
    "init_on_free=1 preempt=none audit=0 apparmor=0 cgroup_disable=memory nowatchdog hardened_usercopy=off " +
    "transparent_hugepage=never page_alloc.shuffle=0 lsm= psi=0",
} as const;

/** The disk is fetched in pieces of this size. */
export const CHUNK = 128 * 1024;

/** The disk that holds what a machine changes: bytes, of which only those that are written take space. */
export const LAYER_SIZE = 2 * 1024 ** 3;

export const PACKAGES: {
  readonly kernel: string;
  readonly firmware: string;
  readonly programs: readonly string[];
  readonly without: readonly string[];
  readonly compiler: readonly string[];
} = {
  kernel: "linux-image-6.1.0-50-686-unsigned",
  firmware: "seabios",
  /** With what they depend on. */
  programs: [
    "adduser",
    "base-files",
    "base-passwd",
    "bash",
    "bc",
    "binutils",
    "bsdextrautils",
    "bsdutils",
    "bzip2",
    "ca-certificates",
    "coreutils",
    "cpio",
    "curl",
    "dash",
    "datamash",
    "dc",
    "debianutils",
    "diffstat",
    "diffutils",
    "dpkg",
    "e2fsprogs",
    "ed",
    "expect",
    "fd-find",
    "file",
    "findutils",
    "gawk",
    "gettext-base",
    "git",
    "grep",
    "gzip",
    "hostname",
    "htop",
    "jq",
    "less",
    "libc-bin",
    "libc6-dev",
    "login",
    "lsb-release",
    "lsof",
    "lua5.4",
    "m4",
    "make",
    "mawk",
    "moreutils",
    "nano",
    "ncal",
    "ncurses-base",
    "ncurses-bin",
    "netbase",
    "netcat-openbsd",
    "openssl",
    "parallel",
    "passwd",
    "patch",
    "perl",
    "procps",
    "psmisc",
    "pv",
    "python3",
    "python3-numpy",
    "python3-pip",
    "python3-venv",
    "python3-yaml",
    "rename",
    "ripgrep",
    "rsync",
    "sed",
    "socat",
    "sqlite3",
    "strace",
    "sudo",
    "sysvinit-utils",
    "tar",
    "tcc",
    "time",
    "tmux",
    "tree",
    "tzdata",
    "unzip",
    "util-linux",
    "uuid-runtime",
    "vim",
    "wdiff",
    "wget",
    "xxd",
    "xz-utils",
    "zip",
    "zstd",
  ],
  /** Asked for by a dependency, of no use in an image whose packages are set up here. */
  without: [
    "debconf",
    "git-man",
    "init-system-helpers",
    "libfile-find-rule-perl",
    "libnsl-dev",
    "libnumber-compare-perl",
    "libtext-glob-perl",
    "libtirpc-dev",
    "lsb-base",
    "rpcsvc-proto",
    "sysstat",
    "ucf",
    "usrmerge",
    "util-linux-extra",
  ],
  /** Only to compile the agent; not in the image. */
  compiler: ["tcc", "libc6-dev", "linux-libc-dev"],
};

/** Static busybox: the first steps of the boot, and the small tools that no other package brings. */
export const BUSYBOX = "busybox-static";
export const BUSYBOX_APPLETS: readonly string[] = [
  "arp",
  "arping",
  "dos2unix",
  "ed",
  "ftpget",
  "ftpput",
  "httpd",
  "ifconfig",
  "ip",
  "mount",
  "umount",
  "netstat",
  "nslookup",
  "ping",
  "route",
  "strings",
  "telnet",
  "tftp",
  "time",
  "traceroute",
  "unix2dos",
  "uudecode",
  "uuencode",
];

/** Kernel modules the machine needs, their dependencies added when the image is made. */
export const MODULES: readonly string[] = [
  "virtio_pci",
  "virtio_console",
  "virtio_balloon",
  "ata_piix",
  "sd_mod",
  "squashfs",
  "ext4",
  "overlay",
  "9pnet_virtio",
  "9p",
  "crc32c_generic",
  "crct10dif_generic",
  "loop",
];

/** Files of packages that the image leaves out. Licences (usr/share/doc/…/copyright) stay. */
export function isWanted(path: string): boolean {
  if (path.startsWith("usr/share/doc/")) return /^usr\/share\/doc\/[^/]+(\/copyright)?$/.test(path);
  return !UNWANTED.some((pattern) => pattern.test(path));
}

const UNWANTED: readonly RegExp[] = [
  /^usr\/share\/(man|info|locale|lintian|bug|gtk-doc|bash-completion|zsh|fish|pixmaps|menu|gitweb|icons|applications)(\/|$)/,
  /^(boot|etc\/(init\.d|cron[^/]*|systemd|pam\.d|apt|logrotate\.d|dpkg|kernel))(\/|$)/,
  /^etc\/default\/(?!useradd$)/,
  /^(usr\/)?lib\/(systemd|udev|modprobe\.d)\//,
  /^usr\/(lib\/git-core|bin)\/(git-(shell|imap-send|daemon|http-backend|http-push|http-fetch)|scalar)$/,
  // Nothing here is linked statically against these, and they are large.
  /^usr\/lib\/i386-linux-gnu\/lib(c|m|resolv|pthread_nonshared|mcheck)\.a$/,
  // Binutils: the profiler.
  /^usr\/(bin|lib)\/(.*[/-])?(lib)?gprofng|^usr\/bin\/(.*-)?gp-|^etc\/gprofng/,
  // Python: its own tests, headers for compilers that are not here, and the mark that would keep pip from working: this
  // machine has no other package manager that pip could get in the way of.
  /^usr\/lib\/python3[^/]*\/EXTERNALLY-MANAGED$/,
  /^usr\/lib\/python3\/dist-packages\/numpy\/(.*\/)?(tests|include)\//,
  /^usr\/lib\/python3\/dist-packages\/numpy\/.*\.a$/,
  // Perl: its manual.
  /^usr\/(share|lib\/[^/]+)\/perl\/.*\.pod$/,
  // Vim: its messages and tutors in other languages.
  /^usr\/share\/vim\/vim\d+\/(lang\/|tutor\/tutor\.(?!utf-8$|vim$)|print\/)/,
  /^usr\/share\/zoneinfo\/(right|posix)\//,
];
