// The verbs of `kroma` that the page answers: code for its other languages, displays, the preview, the web. One call is
// one connection to /run/kroma.sock; CALLS.md has the rules (C1 ...), kernels/shell/calls.ts is the other end.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "kroma.h"

#define PAYLOAD 65536 /* C1 */

enum { CALL = 1, DATA, END, OUT = 65, ERR = 66, EXIT = 69 };

static const struct {
  const char *verb, *text;
} HELP[] = {
    {"get",
     "usage: kroma get [-r] [--bytes] NAME\n"
     "Prints the value of that name, which any cell of the notebook may have set: as JSON, bytes as they are.\n"
     "  -r, --raw    strings as they are, without quotes\n"
     "  --bytes      the value's file as it is\n"},
    {"set",
     "usage: kroma set NAME VALUE\n"
     "       kroma set [--json|--bytes] NAME <FILE\n"
     "Gives a value a name for all cells. VALUE is JSON if it reads as JSON, else a string; without it standard input\n"
     "is taken, as text unless an option says otherwise.\n"},
    {"list", "usage: kroma list\nPrints the names that have values, and their kinds.\n"},
    {"remove", "usage: kroma remove NAME...\nForgets values.\n"},
    {"py",
     "usage: kroma py EXPR\n"
     "       kroma py [-] <FILE\n"
     "Runs Python in the notebook's own Python, where its cells run, and prints what it prints and the value of the\n"
     "last expression (its repr; use print(...) for the bare text). Displays appear at the cell. Ctrl-C interrupts it.\n"
     "Exit status: 0, or 1 when the code failed.\n"},
    {"ts",
     "usage: kroma ts EXPR\n"
     "       kroma ts [-] <FILE\n"
     "Runs TypeScript where the notebook's TypeScript cells run, and prints what it prints and the value of the last\n"
     "expression, as Node shows it. Displays appear at the cell. Ctrl-C interrupts it.\n"
     "Exit status: 0, or 1 when the code failed.\n"},
    {"display",
     "usage: kroma display [--mime TYPE] FILE|-\n"
     "Shows a file of at most 16 MiB as an output of the cell: pictures, SVG, HTML, Markdown, JSON, Vega-Lite, text. The\n"
     "type comes from the name or the first bytes.\n"},
    {"ml",
     "usage: kroma ml run MODEL [--input [NAME=]FILE]... [--output [NAME=]FILE]... [--raw]\n"
     "       kroma ml info MODEL\n"
     "       kroma ml read PICTURE\n"
     "       kroma ml hear SOUND\n"
     "       kroma ml pipeline TASK MODEL [--NAME VALUE]... [INPUT]\n"
     "       kroma ml status\n"
     "Runs an ONNX model outside of this machine, where it is fast. MODEL is a file below /workspace, an address, a file\n"
     "of the model hub (hub:OWNER/NAME/FILE), ipfs://CID, or the name of a model that ships with Kroma. The other files\n"
     "are below /workspace too: .npy for one array and .npz for several by name. \"-\" stands for standard input and\n"
     "output. Without --output it tells what came out.\n"
     "  --raw        outputs are the bare elements, little endian; inputs that are no .npy are always taken as such\n"
     "  info         what the model takes and gives\n"
     "  read         the text in a picture (.png), a line of it at a time\n"
     "  hear         where somebody speaks in a sound (.wav): start, end and likelihood, with tabs between them\n"
     "  pipeline     a task of transformers, as JSON; INPUT is a text or a file (more: kroma ml pipeline --help)\n"
     "  status       what is loaded, and the memory that it takes\n"},
    {"open",
     "usage: kroma open PORT[/PATH]\n"
     "Shows what a server of this machine serves at 127.0.0.1:PORT, in a panel beside the notebook.\n"},
    {"fetch",
     "usage: kroma fetch [-o FILE] URL\n"
     "Gets a file from the web the way the notebook's page can: https too, and only from hosts that were allowed. In a\n"
     "browser the server must permit it (CORS).\n"
     "  -o FILE      writes it there and not to standard output\n"},
};

const char *help_of(const char *verb) {
  for (size_t i = 0; i < sizeof HELP / sizeof *HELP; i++)
    if (!strcmp(HELP[i].verb, verb)) return HELP[i].text;
  return 0;
}

static int wrong(const char *verb, const char *what, const char *detail) {
  fprintf(stderr, "kroma %s: %s%s\n%s", verb, what, detail, help_of(verb));
  return 2;
}

// False when nobody takes it any more: the answer says why.
static int send_frame(int s, int type, const void *data, uint32_t size) {
  unsigned char head[5] = {size, size >> 8, size >> 16, size >> 24, type};
  const unsigned char *parts[2] = {head, data};
  size_t sizes[2] = {5, size};
  for (int i = 0; i < 2; i++)
    while (sizes[i]) {
      ssize_t n = send(s, parts[i], sizes[i], MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return 0;
      parts[i] += n;
      sizes[i] -= n;
    }
  return 1;
}

static int read_whole(int s, unsigned char *to, size_t size) {
  for (size_t at = 0; at < size;) {
    ssize_t n = read(s, to + at, size - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    at += n;
  }
  return 1;
}

static void add_word(struct bytes *to, const char *word) { add(to, word, strlen(word) + 1); }

// Makes the call: words, then what `file` holds (-1: `body`, or nothing). What comes goes to standard output or `into`.
static int call(struct bytes *words, int file, const char *body, const char *into) {
  static unsigned char block[PAYLOAD];
  struct sockaddr_un name;
  int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), out = 1;
  memset(&name, 0, sizeof name);
  name.sun_family = AF_UNIX;
  strcpy(name.sun_path, "/run/kroma.sock");
  if (s < 0 || connect(s, (void *)&name, sizeof name)) die(1, "the notebook does not answer: ", strerror(errno));
  if (words->length > PAYLOAD) die(2, "the arguments are too long", "");
  int open_end = send_frame(s, CALL, words->data, words->length);
  if (body)
    for (size_t at = 0, size = strlen(body); open_end && at < size; at += PAYLOAD)
      open_end = send_frame(s, DATA, body + at, size - at < PAYLOAD ? size - at : PAYLOAD);
  while (file >= 0 && open_end) {
    ssize_t n = read(file, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) die(1, "cannot read: ", strerror(errno));
    if (n == 0) break;
    open_end = send_frame(s, DATA, block, n);
  }
  if (open_end) send_frame(s, END, "", 0);
  unsigned char head[5];
  while (read_whole(s, head, 5)) {
    uint32_t size = head[0] | head[1] << 8 | head[2] << 16 | (uint32_t)head[3] << 24;
    if (size > PAYLOAD || !read_whole(s, block, size)) break;
    if (head[4] == EXIT) {
      int status = size ? block[0] : 1;
      if (out != 1 && close(out)) die(1, "cannot write: ", strerror(errno));
      return status;
    }
    if (head[4] == OUT && into && out == 1) {
      out = open(into, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
      if (out < 0) die(1, "cannot write the file: ", strerror(errno));
    }
    write_all_to(head[4] == ERR ? 2 : out, block, size);
  }
  die(1, "the notebook hung up", "");
  return 1;
}

// Begins a call's words: the version, where it comes from, the verb.
static struct bytes begin(const char *verb) {
  struct bytes words = {0};
  const char *terminal = getenv("KROMA_TERMINAL");
  add(&words, "\1", 1); /* C2: the version */
  add_word(&words, terminal ? terminal : "");
  add_word(&words, verb);
  return words;
}

static int code(const char *verb, int count, char **words) {
  struct bytes line = begin(verb);
  if (count > 1) return wrong(verb, "one expression, please: quote it", "");
  if (count == 1 && words[0][0] == '-' && words[0][1]) return wrong(verb, "unknown option ", words[0]);
  if (count == 1 && strcmp(words[0], "-")) return call(&line, -1, words[0], 0);
  if (count == 0 && isatty(0)) return wrong(verb, "an expression, or code on standard input", "");
  return call(&line, 0, 0, 0);
}

static int display(int count, char **words) {
  const char *mime = "", *path = 0;
  for (int i = 0; i < count; i++) {
    if (!strcmp(words[i], "--mime") && i + 1 < count) mime = words[++i];
    else if (!strncmp(words[i], "--mime=", 7)) mime = words[i] + 7;
    else if (words[i][0] == '-' && words[i][1]) return wrong("display", "unknown option ", words[i]);
    else if (path) return wrong("display", "one file at a time", "");
    else path = words[i];
  }
  if (!path) return wrong("display", "which file?", "");
  struct bytes line = begin("display");
  const char *slash = strrchr(path, '/');
  add_word(&line, mime);
  add_word(&line, slash ? slash + 1 : path);
  if (!strcmp(path, "-")) return call(&line, 0, 0, 0);
  struct stat facts;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &facts)) {
    fprintf(stderr, "kroma: %s: %s\n", path, strerror(errno));
    return 1;
  }
  if (S_ISDIR(facts.st_mode)) {
    fprintf(stderr, "kroma: %s: %s\n", path, strerror(EISDIR));
    return 1;
  }
  return call(&line, file, 0, 0);
}

static int open_port(int count, char **words) {
  char *end;
  if (count != 1) return wrong("open", count ? "one port, please" : "which port?", "");
  const char *text = *words[0] == ':' ? words[0] + 1 : words[0];
  long port = strtol(text, &end, 10);
  if (end == text || port < 1 || port > 65535 || (*end && *end != '/')) return wrong("open", "not a port: ", words[0]);
  struct bytes line = begin("open");
  char number[8];
  sprintf(number, "%ld", port);
  add_word(&line, number);
  add_word(&line, *end ? end : "/");
  return call(&line, -1, 0, 0);
}

static int fetch(int count, char **words) {
  const char *into = 0, *url = 0;
  for (int i = 0; i < count; i++) {
    if (!strcmp(words[i], "-o") && i + 1 < count) into = words[++i];
    else if (words[i][0] == '-') return wrong("fetch", "unknown option ", words[i]);
    else if (url) return wrong("fetch", "one address, please", "");
    else url = words[i];
  }
  if (!url) return wrong("fetch", "which address?", "");
  struct bytes line = begin("fetch");
  add_word(&line, url);
  return call(&line, -1, 0, into && strcmp(into, "-") ? into : 0);
}

// What a plugin of the notebook does. Standard input goes along when a word stands for it.
static int service(const char *name, int count, char **words) {
  struct bytes line = begin("service");
  char *directory = getcwd(0, 0);
  int input = -1;
  if (!count) return wrong(name, "what?", "");
  add_word(&line, name);
  add_word(&line, directory ? directory : "/");
  for (int i = 0; i < count; i++) {
    size_t size = strlen(words[i]);
    int is_input = !i || strcmp(words[i - 1], "--output");
    if (is_input && (!strcmp(words[i], "-") || (size > 1 && !strcmp(words[i] + size - 2, "=-")))) input = 0;
    add_word(&line, words[i]);
  }
  return call(&line, input, 0, 0);
}

int kroma_call(const char *verb, int count, char **words) {
  if (!strcmp(verb, "py") || !strcmp(verb, "ts")) return code(verb, count, words);
  if (!strcmp(verb, "display")) return display(count, words);
  if (!strcmp(verb, "open")) return open_port(count, words);
  if (!strcmp(verb, "fetch")) return fetch(count, words);
  if (!strcmp(verb, "ml")) return service(verb, count, words);
  return -1;
}
