/**
 * Finds what looks like a secret before it is published for ever: tokens by the shapes that their makers document, and values of
 * much chance beside a name that speaks of a key. It finds what was forgotten, not what was hidden; what it says is a warning.
 * Nothing of a secret is repeated but its first characters.
 */

/** Something that looks like a secret. */
export interface Suspicion {
  /** What it looks like: "a GitHub token". */
  readonly what: string;
  /** From 1. */
  readonly line: number;
  /** Its first characters. */
  readonly shown: string;
}

interface Shape {
  readonly what: string;
  readonly pattern: RegExp;
}

/** Shapes as the makers of the tokens describe them in their public documentation. */
const SHAPES: readonly Shape[] = [
  {
    what: "a private key",
    // With something in it: a program that only names the header holds no key.
    pattern: /-----BEGIN (?:[A-Z0-9]{1,20} ){0,2}PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,300}?[A-Za-z0-9+/]{40}/g,
  },
  { what: "an AWS access key", pattern: /\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/g },
  { what: "a GitHub token", pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{50,255})\b/g },
  { what: "a GitLab token", pattern: /\bglpat-[\w-]{20,64}/g },
  { what: "a Slack token", pattern: /\bxox[abeoprs]-[A-Za-z0-9-]{20,255}/g },
  { what: "a Slack webhook", pattern: /\bhooks\.slack\.com\/services\/T\w{6,20}\/B\w{6,20}\/\w{16,40}/g },
  {
    what: "a key of a language model's service",
    pattern: /\bsk-(?:ant-|proj-|svcacct-|or-)?[A-Za-z0-9][\w-]{30,255}/g,
  },
  { what: "a Google API key", pattern: /\bAIza[\w-]{35}(?![\w-])/g },
  { what: "a Google client secret", pattern: /\bGOCSPX-[\w-]{28}(?![\w-])/g },
  { what: "a Stripe key", pattern: /\b[sr]k_live_[A-Za-z0-9]{16,128}/g },
  { what: "an npm token", pattern: /\bnpm_[A-Za-z0-9]{36}\b/g },
  { what: "a PyPI token", pattern: /\bpypi-AgE[\w-]{50,255}/g },
  { what: "a Hugging Face token", pattern: /\bhf_[A-Za-z]{34}\b/g },
  { what: "a SendGrid key", pattern: /\bSG\.[\w-]{22}\.[\w-]{43}(?![\w-])/g },
  { what: "a DigitalOcean token", pattern: /\bdo[opr]_v1_[0-9a-f]{64}\b/g },
  { what: "a Telegram bot's token", pattern: /\b\d{8,10}:AA[\w-]{33}(?![\w-])/g },
  { what: "an Azure storage key", pattern: /\bAccountKey=[A-Za-z0-9+/]{86}==/g },
  { what: "a signed web token", pattern: /\beyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{20,2000}/g },
  { what: "a Kroma identity", pattern: /"format"\s{0,4}:\s{0,4}"kroma-identity"/g },
];

/** A password in an address: postgres://user:password@host. */
const ADDRESS = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@'"<>{}$*]{1,100}:([^\s/@'"<>{}$*]{3,200})@[\w.-]{3,253}/gi;
const ORDINARY_PASSWORD = /^(?:pass(?:word)?|pwd|secret|token|user(?:name)?|x{3,}|\.{3,}|changeme|example)$/i;

/** A name that speaks of a secret, and the value that it is given: in code, JSON, YAML or a file of settings. */
const NAMED =
  /(?:api[_-]?key|access[_-]?key|auth[_-]?token|secret|passw(?:or)?d|passphrase|token|credential|private[_-]?key)\w{0,20}["']?\s{0,4}(?::=|[:=])\s{0,4}(?:["'`]([^"'`\s]{12,200})["'`]|([^\s"'`,;(){}[\]<>$]{16,200})(?=\s|$|[,;]))/gi;
/** Values that stand for a secret and are none. */
const PLACEHOLDER =
  /example|placeholder|your[_-]?|change[_-]?me|dummy|sample|test|xxxx|\*{3}|\.{3}|1234567|abcdef|^[a-z]+(?:[-_.][a-z]+)*$|^(?:https?|file|ipfs):|^[./~]|^\d+$/i;

/** Pictures and other bytes inside a text: chance looks like a secret. */
const INLINE_DATA = /data:[\w.+-]{1,60}\/[\w.+-]{1,60}(?:;[\w=.-]{1,60}){0,4};base64,[A-Za-z0-9+/=]{16,}/g;

/** Files whose names say that they hold secrets. */
const FILE_NAMES =
  /(?:^|\/)(?:\.env(?:\.(?!example|sample|template)[\w-]+)?|\.netrc|\.npmrc|\.pypirc|\.git-credentials|\.htpasswd|id_(?:rsa|dsa|ecdsa|ed25519)|credentials(?:\.json)?|kaggle\.json|.*\.(?:pem|p12|pfx|keystore|jks|kdbx))$/i;

/** At most so many are told of one text; whoever has more knows where to look. */
const MOST_TOLD = 20;

/** What in a text looks like a secret, in the order of lines. */
export function findSecrets(text: string): readonly Suspicion[] {
  const scanned = text.replaceAll(INLINE_DATA, (data) => data.replaceAll(/[^\n]/g, " "));
  const found: { readonly what: string; readonly at: number; readonly value: string }[] = [];
  for (const { what, pattern } of SHAPES) {
    for (const match of scanned.matchAll(pattern)) {
      if (!/EXAMPLE/.test(match[0])) found.push({ what, at: match.index, value: match[0] });
    }
  }
  for (const match of scanned.matchAll(ADDRESS)) {
    const password = match[1] as string;
    if (!ORDINARY_PASSWORD.test(password))
      found.push({ what: "a password in an address", at: match.index, value: match[0] });
  }
  for (const match of scanned.matchAll(NAMED)) {
    const value = match[1] ?? match[2] ?? "";
    if (PLACEHOLDER.test(value) || !isOfChance(value)) continue;
    const at = match.index + match[0].indexOf(value);
    // One that was told by its shape is not told again.
    if (!found.some((other) => at >= other.at && at < other.at + other.value.length))
      found.push({ what: "a key or a password", at, value });
  }
  found.sort((left, right) => left.at - right.at);
  return found.slice(0, MOST_TOLD).map(({ what, at, value }) => ({
    what,
    line: scanned.slice(0, at).split("\n").length,
    shown: `${value.slice(0, Math.min(6, value.length >> 1))}…`,
  }));
}

/** What is suspicious in the name of a file; undefined for most. */
export function suspiciousName(path: string): string | undefined {
  return FILE_NAMES.test(path) ? "a file of keys or passwords, by its name" : undefined;
}

/** The text of a file, or undefined when it is no text: only texts can be looked through. */
export function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.subarray(0, 8192).includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** True when the value can hardly be a word or a name: letters and digits mixed, and few of them twice. */
function isOfChance(value: string): boolean {
  const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(value)).length;
  return kinds >= 2 && /\d/.test(value) && entropy(value) >= (value.length >= 32 ? 3.2 : 3);
}

/** Shannon's entropy of the characters, in bits. */
function entropy(value: string): number {
  const counts = new Map<string, number>();
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length);
  return bits;
}
