/**
 * What the Linux image is made of, as data: packages, what is left out, the machine it is saved from. Changing any of
 * it makes a new image. Exact versions are in packages.lock.json (`node vm-images/build.ts --update` renews them).
 */

/** Debian's release that the packages are taken from. */
export const SUITE = "bookworm";

/** The machine. A state can only be restored into a machine with the same devices and memory. */
export const MACHINE = {
  memory: 256 * 1024 * 1024,
  vgaMemory: 2 * 1024 * 1024,
  devices: "virtio_console virtio_balloon handle9p hda",
  commandLine:
    "console=ttyS0 quiet tsc=reliable mitigations=off random.trust_cpu=on nokaslr ipv6.disable=1 init_on_alloc=0 " +
    "init_on_free=1 preempt=none audit=0 apparmor=0 cgroup_disable=memory nowatchdog hardened_usercopy=off " +
    "transparent_hugepage=never page_alloc.shuffle=0",
} as const;

/** The disk is fetched in pieces of this size. */
export const CHUNK = 128 * 1024;

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
    "base-files",
    "bash",
    "bc",
    "bsdextrautils",
    "bzip2",
    "coreutils",
    "curl",
    "dash",
    "debianutils",
    "diffutils",
    "file",
    "findutils",
    "gawk",
    "git",
    "grep",
    "gzip",
    "hostname",
    "jq",
    "less",
    "libc-bin",
    "ncurses-base",
    "netbase",
    "patch",
    "procps",
    "psmisc",
    "sed",
    "sqlite3",
    "tar",
    "tree",
    "unzip",
    "util-linux",
    "xz-utils",
    "zip",
  ],
  /** Asked for by a dependency, of no use in an image that no package manager runs in. */
  without: [
    "adduser",
    "debconf",
    "dpkg",
    "gcc-12-base",
    "git-man",
    "init-system-helpers",
    "liberror-perl",
    "libfile-find-rule-perl",
    "libgdbm-compat4",
    "libgdbm6",
    "libnumber-compare-perl",
    "libperl5.36",
    "libtext-glob-perl",
    "perl",
    "perl-base",
    "perl-modules-5.36",
    "sysvinit-utils",
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
  "nc",
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
  "vi",
  "wget",
  "xxd",
];

/** Kernel modules the machine needs, their dependencies added when the image is made. */
export const MODULES: readonly string[] = [
  "virtio_pci",
  "virtio_console",
  "virtio_balloon",
  "ata_piix",
  "sd_mod",
  "squashfs",
  "overlay",
  "9pnet_virtio",
  "9p",
  "crc32c_generic",
  "crct10dif_generic",
];

/** Files of packages that the image leaves out. Licences (usr/share/doc/…/copyright) stay. */
export function isWanted(path: string): boolean {
  if (
    /^usr\/share\/(man|info|locale|lintian|bug|gtk-doc|bash-completion|zsh|fish|pixmaps|menu|gitweb)(\/|$)/.test(path)
  )
    return false;
  if (path.startsWith("usr/share/doc/")) return /^usr\/share\/doc\/[^/]+(\/copyright)?$/.test(path);
  if (/^(boot|etc\/(init\.d|cron|systemd|pam\.d|default|apt|logrotate\.d|dpkg))(\/|$)/.test(path)) return false;
  if (/^(usr\/)?lib\/systemd\//.test(path)) return false;
  if (/^usr\/lib\/git-core\/git-(shell|imap-send|daemon|http-backend|http-push)$/.test(path)) return false;
  return true;
}
