// Looks what runs: TCP ports that something listens on, and the jobs that cells left in the background. It reads a few
// files of /proc and follows the lists of children, which costs less than going through all processes (Debian's kernel
// has fifty threads), so that the agent can do it every second.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "look.h"

#define PORTS 64
#define JOBS 64
#define NAME 120

static int slurp(char *into, int size, const char *format, int pid) {
  char path[64];
  snprintf(path, sizeof path, format, pid, pid);
  int file = open(path, O_RDONLY | O_CLOEXEC), n = file < 0 ? -1 : read(file, into, size - 1);
  if (file >= 0) close(file);
  into[n > 0 ? n : 0] = 0;
  return n;
}

static int has(const int *list, int value) {
  for (; *list; list++)
    if (*list == value) return 1;
  return 0;
}

static int listening(const char *path, uint16_t *ports, int count) {
  char line[256], address[40];
  unsigned port, state;
  FILE *file = fopen(path, "re");
  if (!file) return count;
  while (fgets(line, sizeof line, file) && count < PORTS) {
    if (sscanf(line, " %*d: %32[0-9A-F]:%x %*s %x", address, &port, &state) != 3 || state != 10) continue;
    // Any address, or 127.0.0.1: what a connection to the loopback reaches.
    if (strspn(address, "0") != strlen(address) && strcmp(address, "0100007F")) continue;
    int i = 0;
    while (i < count && ports[i] != port) i++;
    if (i == count) ports[count++] = port;
  }
  fclose(file);
  return count;
}

static int by_number(const void *a, const void *b) { return *(const uint16_t *)a - *(const uint16_t *)b; }

static void put(uint8_t *to, uint32_t value, int size) {
  for (int i = 0; i < size; i++) to[i] = value >> 8 * i;
}

// The command line with blanks between its words.
static int command(char *into, int pid) {
  int n = slurp(into, NAME, "/proc/%d/cmdline", pid);
  for (int i = 0; i + 1 < n; i++)
    if ((unsigned char)into[i] < ' ') into[i] = ' ';
  return n > 0 ? (int)strlen(into) : 0;
}

// The first child of a subshell says more than the subshell's own name, which is its parent's.
static void name_of(char *into, int pid, const char *parent) {
  char children[256];
  if (!command(into, pid)) strcpy(into, "?");
  if (strcmp(into, parent)) return;
  for (int depth = 0; depth < 4; depth++) {
    char inner[NAME];
    pid = slurp(children, sizeof children, "/proc/%d/task/%d/children", pid) > 0 ? atoi(children) : 0;
    if (!pid || !command(inner, pid)) break;
    if (!strcmp(inner, parent)) continue;
    snprintf(into, NAME, "( %.*s )", NAME - 8, inner);
    return;
  }
  strcpy(into, "a subshell");
}

// The Python that is kept ready (python.c) was started when the image was made, by nobody of whom the host knows.
static int is_zygote(int pid) {
  static const char program[] = "/usr/lib/kroma/python.py --zygote";
  char line[NAME];
  int n = command(line, pid), size = sizeof program - 1;
  return n >= size && !strcmp(line + n - size, program);
}

struct jobs {
  uint8_t *at, *end;
  int groups[JOBS + 1], count;
};

// Adds the children of a process, one for each process group.
static void children_of(struct jobs *jobs, int parent, const int *own) {
  char list[1024], stat[512], name[NAME], above[NAME], *at = list, *next;
  if (slurp(list, sizeof list, "/proc/%d/task/%d/children", parent) <= 0) return;
  command(above, parent);
  for (long pid; (pid = strtol(at, &next, 10)) > 0 && next != at; at = next) {
    char state;
    int group;
    unsigned long long started;
    if (jobs->count == JOBS) return;
    if (has(own, pid) || slurp(stat, sizeof stat, "/proc/%d/stat", pid) <= 0) continue;
    char *rest = strrchr(stat, ')');
    if (!rest || sscanf(rest + 1, " %c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &state, &group, &started) != 3) continue;
    if (state == 'Z' || has(jobs->groups, group) || (parent == 1 && is_zygote(pid))) continue;
    name_of(name, pid, above);
    int size = strlen(name);
    if (jobs->end - jobs->at < 13 + size) return;
    jobs->groups[jobs->count++] = group;
    put(jobs->at, pid, 4);
    put(jobs->at + 4, group, 4);
    put(jobs->at + 8, started / 100, 4);
    jobs->at[12] = size;
    memcpy(jobs->at + 13, name, size);
    jobs->at += 13 + size;
  }
}

int look(uint8_t *into, int room, const int *own, const int *shells) {
  uint16_t ports[PORTS];
  int count = listening("/proc/net/tcp6", ports, listening("/proc/net/tcp", ports, 0));
  qsort(ports, count, sizeof *ports, by_number);
  into[0] = count;
  for (int i = 0; i < count; i++) put(into + 1 + 2 * i, ports[i], 2);
  struct jobs jobs;
  memset(&jobs, 0, sizeof jobs);
  jobs.at = into + 1 + 2 * count;
  jobs.end = into + room;
  for (; *shells; shells++) children_of(&jobs, *shells, own);
  children_of(&jobs, 1, own);
  return jobs.at - into;
}
