// The `kroma` command, and of its verbs those for values: values that Python, TypeScript and shell cells hand to each other (core/workspace/VALUES.md).
// They are files in the workspace's .kroma/values, so this needs nothing but the files. It is part of the agent's
// program (argv[0] tells) and not a script: in the emulated machine a shell script that calls jq takes seconds.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "kroma.h"

#define DEPTH 512

static const char *const EXTENSIONS[] = {"json", "bin", "npy", "arrow"};
static const char *values;
static char part[4400];

#define KROMA_VERSION "0.1.0"

static const char USAGE[] =
    "usage: kroma VERB ...\n"
    "\n"
    "Values, which Python, TypeScript and shell cells hand to each other:\n"
    "  kroma get [-r] [--bytes] NAME     print a value (JSON; -r: strings as they are; bytes as they are)\n"
    "  kroma set NAME VALUE              VALUE is JSON if it parses as JSON, else a string\n"
    "  kroma set [--json|--bytes] NAME   the value comes from standard input (text unless said otherwise)\n"
    "  kroma list                        names and kinds\n"
    "  kroma remove NAME...              forget values\n"
    "\n"
    "What the notebook does for this machine:\n"
    "  kroma py EXPR                     run Python where the notebook's cells run (\"-\": code from standard input)\n"
    "  kroma ts EXPR                     the same in TypeScript\n"
    "  kroma display FILE                show a picture, page, table or text as an output of the cell\n"
    "  kroma open PORT                   preview what a server here serves\n"
    "  kroma fetch URL                   get a file from the web\n"
    "  kroma ml VERB MODEL               run a machine-learning model outside of this machine\n"
    "\n"
    "  kroma help [VERB]                 this, or more about a verb\n"
    "  kroma --version\n";

void die(int status, const char *what, const char *detail) {
  if (*part) unlink(part);
  fprintf(stderr, "kroma: %s%s\n", what, detail);
  exit(status);
}

static int usage(void) {
  fputs(USAGE, stderr);
  return 2;
}

// ---- bytes that grow

void add(struct bytes *to, const void *data, size_t length) {
  if (to->length + length + 1 > to->room) {
    to->room = (to->length + length + 1) * 2;
    to->data = realloc(to->data, to->room);
    if (!to->data) die(1, "out of memory", "");
  }
  memcpy(to->data + to->length, data, length);
  to->length += length;
  to->data[to->length] = 0;
}

void add_text(struct bytes *to, const char *text) { add(to, text, strlen(text)); }

int read_all(int file, struct bytes *to) {
  static unsigned char block[65536];
  for (;;) {
    ssize_t n = read(file, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) return 0;
    add(to, block, n);
  }
}

void write_all_to(int file, const void *data, size_t length) {
  const char *at = data;
  while (length) {
    ssize_t n = write(file, at, length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) die(1, "cannot write: ", strerror(errno));
    at += n;
    length -= n;
  }
}

// ---- JSON (RFC 8259): checked and copied without white space, numbers and strings as they are written

struct json {
  const unsigned char *at, *end;
  struct bytes *out;
};

static void blank(struct json *j) {
  while (j->at < j->end && (*j->at == ' ' || *j->at == '\t' || *j->at == '\n' || *j->at == '\r')) j->at++;
}

static int copy(struct json *j) {
  add(j->out, j->at++, 1);
  return 1;
}

static int is_digit(struct json *j) { return j->at < j->end && *j->at >= '0' && *j->at <= '9'; }

static int json_string(struct json *j) {
  copy(j);
  while (j->at < j->end) {
    if (*j->at == '"') return copy(j);
    if (*j->at < 0x20) return 0;
    if (*j->at == '\\') {
      copy(j);
      if (j->at == j->end || !strchr("\"\\/bfnrtu", *j->at)) return 0;
      if (*j->at == 'u')
        for (int i = 1; i < 5; i++)
          if (j->at + i >= j->end || !strchr("0123456789abcdefABCDEF", j->at[i])) return 0;
    }
    copy(j);
  }
  return 0;
}

static int json_number(struct json *j) {
  if (*j->at == '-') copy(j);
  if (!is_digit(j)) return 0;
  if (*j->at == '0') copy(j);
  else while (is_digit(j)) copy(j);
  if (j->at < j->end && *j->at == '.') {
    copy(j);
    if (!is_digit(j)) return 0;
    while (is_digit(j)) copy(j);
  }
  if (j->at < j->end && (*j->at == 'e' || *j->at == 'E')) {
    copy(j);
    if (j->at < j->end && (*j->at == '+' || *j->at == '-')) copy(j);
    if (!is_digit(j)) return 0;
    while (is_digit(j)) copy(j);
  }
  return 1;
}

static int json_value(struct json *j, int depth) {
  blank(j);
  if (j->at == j->end || depth > DEPTH) return 0;
  unsigned char first = *j->at;
  if (first == '"') return json_string(j);
  if (first == '-' || is_digit(j)) return json_number(j);
  static const char *const words[] = {"true", "false", "null"};
  for (int i = 0; i < 3; i++) {
    size_t length = strlen(words[i]);
    if ((size_t)(j->end - j->at) >= length && !memcmp(j->at, words[i], length)) {
      add(j->out, j->at, length);
      j->at += length;
      return 1;
    }
  }
  if (first != '[' && first != '{') return 0;
  unsigned char last = first == '[' ? ']' : '}';
  copy(j);
  blank(j);
  if (j->at < j->end && *j->at == last) return copy(j);
  for (;;) {
    if (first == '{') {
      blank(j);
      if (j->at == j->end || *j->at != '"' || !json_string(j)) return 0;
      blank(j);
      if (j->at == j->end || *j->at != ':') return 0;
      copy(j);
    }
    if (!json_value(j, depth + 1)) return 0;
    blank(j);
    if (j->at == j->end || (*j->at != ',' && *j->at != last)) return 0;
    int more = *j->at == ',';
    copy(j);
    if (!more) return 1;
  }
}

// The one JSON value that the text is, compact, in `out`; false when it is not exactly one.
static int one_json(const struct bytes *text, struct bytes *out) {
  struct json j = {text->data, text->data + text->length, out};
  if (!text->length || !json_value(&j, 0)) return 0;
  blank(&j);
  return j.at == j.end;
}

// Length of the well-formed UTF-8 character at `at`, 0 if there is none.
static int character(const unsigned char *at, const unsigned char *end) {
  if (*at < 0x80) return 1;
  int length = *at >= 0xc2 && *at < 0xe0 ? 2 : (*at & 0xf0) == 0xe0 ? 3 : *at >= 0xf0 && *at < 0xf5 ? 4 : 0;
  if (!length || end - at < length) return 0;
  for (int i = 1; i < length; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] > 0x9f)) return 0;
  if ((*at == 0xf0 && at[1] < 0x90) || (*at == 0xf4 && at[1] > 0x8f)) return 0;
  return length;
}

// Text as a JSON string; bytes that are not UTF-8 become U+FFFD.
static void quoted(const struct bytes *text, struct bytes *out) {
  const unsigned char *end = text->data + text->length;
  add_text(out, "\"");
  for (const unsigned char *at = text->data; at < end;) {
    char escape[8];
    int length = character(at, end);
    if (!length) {
      add_text(out, "\xef\xbf\xbd");
      at++;
      continue;
    }
    if (*at == '"' || *at == '\\') sprintf(escape, "\\%c", *at);
    else if (*at == '\n') strcpy(escape, "\\n");
    else if (*at == '\t') strcpy(escape, "\\t");
    else if (*at == '\r') strcpy(escape, "\\r");
    else if (*at < 0x20 || *at == 0x7f) sprintf(escape, "\\u%04x", *at);
    else {
      add(out, at, length);
      at += length;
      continue;
    }
    add_text(out, escape);
    at++;
  }
  add_text(out, "\"");
}

static unsigned four(const unsigned char *at) {
  char digits[5] = {at[0], at[1], at[2], at[3], 0};
  return strtoul(digits, 0, 16);
}

// What a checked JSON string says. A lone surrogate becomes U+FFFD.
static void unquoted(const struct bytes *json, struct bytes *out) {
  const unsigned char *end = json->data + json->length - 1;
  for (const unsigned char *at = json->data + 1; at < end; at++) {
    if (*at != '\\') {
      add(out, at, 1);
      continue;
    }
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *known = strchr(from, *++at);
    if (known) {
      add(out, to + (known - from), 1);
      continue;
    }
    unsigned code = four(at + 1);
    at += 4;
    if (code >= 0xd800 && code < 0xdc00 && end - at > 6 && at[1] == '\\' && at[2] == 'u') {
      unsigned low = four(at + 3);
      if (low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
      }
    }
    if (code >= 0xd800 && code < 0xe000) code = 0xfffd;
    unsigned char u[4];
    int n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, code >>= 6) u[i] = 0x80 | (code & 0x3f);
    u[0] = n == 1 ? code : (0xf00 >> n & 0xff) | code;
    add(out, u, n);
  }
}

// ---- NumPy's format, version 1.0, as JSON: nested lists by its shape

static void number(struct bytes *out, double value, int digits, int most) {
  char text[64];
  if (isnan(value) || isinf(value)) {
    sprintf(text, "{\"$kroma\":\"float\",\"value\":\"%s\"}", isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
  } else {
    // The shortest text that reads back as the same number.
    for (;; digits++) {
      sprintf(text, "%.*g", digits, value);
      double back = strtod(text, 0);
      if (digits >= most || (most == 9 ? (float)back == (float)value : back == value)) break;
    }
  }
  add_text(out, text);
}

static void element(struct bytes *out, char kind, int size, const unsigned char *at, int swap) {
  union {
    unsigned char b[8];
    float f;
    double d;
    int64_t i;
    uint64_t u;
  } v = {{0}};
  for (int i = 0; i < size; i++) v.b[i] = at[swap ? size - 1 - i : i];
  char text[32];
  if (kind == 'f') {
    if (size == 4) number(out, v.f, 6, 9);
    else number(out, v.d, 15, 17);
    return;
  }
  if (kind == 'b') strcpy(text, v.b[0] ? "true" : "false");
  else if (kind == 'u') sprintf(text, "%llu", (unsigned long long)v.u);
  else {
    int64_t value = size == 8 ? v.i : (int64_t)(v.u << (64 - 8 * size)) >> (64 - 8 * size);
    sprintf(text, "%lld", (long long)value);
  }
  add_text(out, text);
}

struct array {
  char kind;
  int size, swap, dimensions;
  size_t shape[32];
};

static const unsigned char *lists(struct bytes *out, const struct array *a, int dimension, const unsigned char *at) {
  if (dimension == a->dimensions) {
    element(out, a->kind, a->size, at, a->swap);
    return at + a->size;
  }
  add_text(out, "[");
  for (size_t i = 0; i < a->shape[dimension]; i++) {
    if (i) add_text(out, ",");
    at = lists(out, a, dimension + 1, at);
  }
  add_text(out, "]");
  return at;
}

static void npy_to_json(const struct bytes *file, struct bytes *out) {
  struct array a = {0};
  if (file->length < 10 || memcmp(file->data, "\x93NUMPY\x01", 7)) die(1, "not an npy file", "");
  size_t length = file->data[8] | file->data[9] << 8;
  if (file->length < 10 + length) die(1, "the npy file is cut off", "");
  char *header = strndup((const char *)file->data + 10, length);
  char *descr = strstr(header, "'descr':"), *order = strstr(header, "'fortran_order': True"), *shape = strstr(header, "'shape':");
  char byte_order = 0;
  if (!descr || !shape || sscanf(descr, "'descr': '%c%c%d'", &byte_order, &a.kind, &a.size) != 3) die(1, "not an npy file", "");
  if (order) die(1, "an array in Fortran order cannot be printed", "");
  int known = a.kind == 'b' ? a.size == 1 : a.kind == 'f' ? a.size == 4 || a.size == 8 : (a.kind == 'i' || a.kind == 'u') && (a.size == 1 || a.size == 2 || a.size == 4 || a.size == 8);
  if (!known) die(1, "an array of this type cannot be printed: ", descr);
  a.swap = byte_order == '>';
  size_t count = 1;
  for (char *at = strchr(shape, '('); at && *at && *at != ')' && a.dimensions < 32;) {
    char *next;
    at++;
    unsigned long size = strtoul(at, &next, 10);
    if (next == at) break;
    a.shape[a.dimensions++] = size;
    if (size && count > file->length / size) die(1, "the npy file is cut off", "");
    count *= size;
    at = next;
  }
  if (file->length - 10 - length < count * a.size) die(1, "the npy file is cut off", "");
  lists(out, &a, 0, file->data + 10 + length);
}

// ---- names and files

static int is_name(const char *name) {
  size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
  return length && length <= 128 && !name[length] && !strchr("0123456789.-", *name) && !strstr(name, "..");
}

static void check_name(const char *name) {
  if (!is_name(name)) die(2, "not a name: ", name);
}

static void path_of(char *path, const char *name, const char *extension) {
  snprintf(path, 4096, "%s/%s.%s", values, name, extension);
}

static const char *find(const char *name, char *path) {
  struct stat facts;
  for (int i = 0; i < 4; i++) {
    path_of(path, name, EXTENSIONS[i]);
    if (!stat(path, &facts) && S_ISREG(facts.st_mode)) return EXTENSIONS[i];
  }
  return 0;
}

// The values there are, as "name\tkind", sorted; the count.
static int entries(char ***found) {
  struct dirent **files;
  int n = scandir(values, &files, 0, alphasort), count = 0;
  *found = calloc(n > 0 ? n : 1, sizeof **found);
  for (int i = 0; i < n; i++) {
    char *name = files[i]->d_name, *dot = strrchr(name, '.');
    if (!dot) continue;
    *dot = 0;
    for (int k = 0; k < 4; k++)
      if (is_name(name) && !strcmp(dot + 1, EXTENSIONS[k]) && asprintf(*found + count, "%s\t%s", name, dot + 1) > 0) count++;
  }
  return count;
}

static void load(const char *path, struct bytes *to) {
  int file = open(path, O_RDONLY);
  if (file < 0 || read_all(file, to)) die(1, "cannot read: ", strerror(errno));
  close(file);
}

// ---- verbs

static int get(int count, char **words) {
  int raw = 0, as_bytes = 0;
  const char *name = 0;
  for (int i = 0; i < count; i++) {
    if (!strcmp(words[i], "-r") || !strcmp(words[i], "--raw")) raw = 1;
    else if (!strcmp(words[i], "--bytes")) as_bytes = 1;
    else if (*words[i] == '-') die(2, "unknown option ", words[i]);
    else if (name) die(2, "one name, please", "");
    else name = words[i];
  }
  if (!name) return usage();
  check_name(name);
  char path[4096];
  const char *kind = find(name, path);
  if (!kind) {
    struct bytes some = {0};
    char **there;
    int n = entries(&there);
    add_text(&some, name);
    for (int i = 0; i < n && i < 10; i++) {
      add_text(&some, i ? " " : "; there are: ");
      add(&some, there[i], strcspn(there[i], "\t"));
    }
    die(1, "no value named ", (char *)some.data);
  }
  struct bytes file = {0}, out = {0};
  load(path, &file);
  if (as_bytes || (strcmp(kind, "json") && strcmp(kind, "npy"))) {
    write_all_to(1, file.data, file.length);
    return 0;
  }
  if (!strcmp(kind, "npy")) npy_to_json(&file, &out);
  else if (!one_json(&file, &out)) die(1, "the file is not JSON: ", path);
  if (raw && out.data[0] == '"') {
    struct bytes text = {0};
    unquoted(&out, &text);
    out = text;
  }
  add_text(&out, "\n");
  write_all_to(1, out.data, out.length);
  return 0;
}

static void make_folder(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s", values);
  for (char *at = path + 1;; at++) {
    if (*at && *at != '/') continue;
    char kept = *at;
    *at = 0;
    if (mkdir(path, 0755) && errno != EEXIST) die(1, "cannot make the folder of values: ", strerror(errno));
    if (!kept) return;
    *at = kept;
  }
}

static int set(int count, char **words) {
  enum { TEXT, JSON, BYTES } kind = TEXT;
  const char *name = 0, *given = 0;
  for (int i = 0; i < count; i++) {
    int is_json = !strcmp(words[i], "--json"), is_bytes = !strcmp(words[i], "--bytes");
    if ((is_json || is_bytes) && !given) kind = is_json ? JSON : BYTES;
    else if (!name) name = words[i];
    else if (!given) given = words[i];
    else die(2, "one value, please", "");
  }
  if (!name) return usage();
  check_name(name);
  struct bytes input = {0}, value = {0};
  if (given) add_text(&input, given);
  else if (read_all(0, &input)) die(1, "cannot read standard input: ", strerror(errno));
  if (kind == BYTES) value = input;
  else if ((kind == JSON || given) && one_json(&input, &value)) add_text(&value, "\n");
  else if (kind == JSON) die(2, given ? "not JSON: " : "standard input is not one JSON value", given ? given : "");
  else {
    value.length = 0;
    if (!given && input.length && input.data[input.length - 1] == '\n') input.length--;
    quoted(&input, &value);
    add_text(&value, "\n");
  }
  make_folder();
  const char *extension = kind == BYTES ? "bin" : "json";
  char path[4096];
  path_of(path, name, extension);
  snprintf(part, sizeof part, "%s.tmp-%d", path, (int)getpid());
  int file = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) die(1, "cannot write: ", strerror(errno));
  write_all_to(file, value.data, value.length);
  if (close(file) || rename(part, path)) die(1, "cannot write: ", strerror(errno));
  for (int i = 0; i < 4; i++) {
    if (!strcmp(EXTENSIONS[i], extension)) continue;
    path_of(path, name, EXTENSIONS[i]);
    unlink(path);
  }
  return 0;
}

static int removed(int count, char **words) {
  int status = 0;
  if (!count) return usage();
  for (int i = 0; i < count; i++) {
    char path[4096];
    check_name(words[i]);
    if (find(words[i], path) && !unlink(path)) continue;
    fprintf(stderr, "kroma: no value named %s\n", words[i]);
    status = 1;
  }
  return status;
}

static int perform(const char *verb, int count, char **words) {
  if (!strcmp(verb, "get")) return get(count, words);
  if (!strcmp(verb, "set")) return set(count, words);
  if (!strcmp(verb, "remove")) return removed(count, words);
  if (!strcmp(verb, "list")) {
    char **there;
    int n = entries(&there);
    for (int i = 0; i < n; i++) puts(there[i]);
    return 0;
  }
  return kroma_call(verb, count, words);
}

int kroma_main(int count, char **words) {
  values = getenv("KROMA_VALUES");
  if (!values || !*values) values = "/workspace/.kroma/values";
  if (count < 2) return usage();
  const char *verb = strcmp(words[1], "rm") ? words[1] : "remove";
  count -= 2;
  words += 2;
  if (!strcmp(verb, "--version") || !strcmp(verb, "version")) return puts("kroma " KROMA_VERSION) < 0;
  if (!strcmp(verb, "help") || !strcmp(verb, "-h") || !strcmp(verb, "--help")) {
    const char *text = count ? help_of(words[0]) : USAGE;
    if (!text) die(2, "there is no verb ", words[0]);
    return fputs(text, stdout) < 0;
  }
  const char *help = help_of(verb);
  if (help && count && (!strcmp(words[0], "--help") || !strcmp(words[0], "-h"))) return fputs(help, stdout) < 0;
  int status = perform(verb, count, words);
  if (status >= 0) return status;
  fprintf(stderr, "kroma: there is no verb %s; try: kroma help\n", verb);
  return 2;
}
