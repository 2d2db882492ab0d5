// What the two halves of the `kroma` command share: values (kroma.c), and calls to the page (call.c).
#include <stddef.h>

struct bytes {
  unsigned char *data;
  size_t length, room;
};

void add(struct bytes *to, const void *data, size_t length);
void add_text(struct bytes *to, const char *text);
int read_all(int file, struct bytes *to);
void write_all_to(int file, const void *data, size_t length);
void die(int status, const char *what, const char *detail);

// Performs the verb if it is one that the page answers; -1 if it is none of these.
int kroma_call(const char *verb, int count, char **words);
// How a verb of the whole command is used, or 0.
const char *help_of(const char *verb);
