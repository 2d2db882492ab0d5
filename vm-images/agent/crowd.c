// What a "fork bomb" needs: a limit on processes and threads, and somebody who ends the bomb when it is reached. Linux's
// own limit for a user (RLIMIT_NPROC) does not hold for root, and one for a group of processes would leave the cell's shell
// without room for its next command. So there is one limit for the machine, which leaves memory for all of them, and the
// agent, which goes before all others, ends the session that has the most.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include "crowd.h"

#define MOST 448   // tasks; fifty are the kernel's own
#define NEARLY 24  // so many fewer are a crowd: what runs must still be able to end
#define LIMIT "/proc/sys/kernel/threads-max"

struct process {
  int pid, group, session, threads;
};

static struct process list[2048];

void crowd_limit(void) {
  FILE *file = fopen(LIMIT, "we");
  if (!file) return;
  fprintf(file, "%d\n", MOST);
  fclose(file);
}

static int tasks(void) {
  struct sysinfo info;
  return sysinfo(&info) ? 0 : info.procs;
}

int crowded(void) {
  int most = MOST, now = tasks();
  if (now < MOST / 2) return 0;
  // A person may have set another limit.
  FILE *file = fopen(LIMIT, "re");
  if (file) {
    if (fscanf(file, "%d", &most) != 1) most = MOST;
    fclose(file);
  }
  return now >= most - NEARLY;
}

// Processes of programs; the kernel's threads and the agent are of session 0.
static int processes(void) {
  int count = 0;
  DIR *proc = opendir("/proc");
  struct dirent *entry;
  while (proc && (entry = readdir(proc)) && count < (int)(sizeof list / sizeof *list)) {
    char path[64], stat[512];
    struct process *p = list + count;
    if ((p->pid = atoi(entry->d_name)) < 2) continue;
    snprintf(path, sizeof path, "/proc/%d/stat", p->pid);
    int file = open(path, O_RDONLY | O_CLOEXEC), n = file < 0 ? -1 : read(file, stat, sizeof stat - 1);
    if (file >= 0) close(file);
    if (n <= 0) continue;
    stat[n] = 0;
    char *rest = strrchr(stat, ')');
    // After the name: state, parent, group, session, ten more, ages, priority, nice, threads.
    if (!rest || sscanf(rest + 1, " %*c %*d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d", &p->group, &p->session, &p->threads) != 3) continue;
    if (p->session > 0) count++;
  }
  if (proc) closedir(proc);
  return count;
}

static int has(const int *numbers, int value) {
  for (; *numbers; numbers++)
    if (*numbers == value) return 1;
  return 0;
}

static char killed[32768 / 8];

// Of one session, or of all (0); the threads of those that were not killed before.
static int end_session(int count, int session, const int *own) {
  int ended = 0;
  for (int i = 0; i < count; i++) {
    struct process *p = list + i;
    char *byte = killed + p->pid / 8 % sizeof killed, bit = 1 << p->pid % 8;
    if ((session && p->session != session) || has(own, p->pid) || *byte & bit) continue;
    *byte |= bit;
    if (!kill(p->pid, SIGKILL)) ended += p->threads;
  }
  return ended;
}

void end_followers(int leader) {
  for (int i = 0, count = processes(); i < count; i++)
    if (list[i].group == leader && list[i].pid != leader) kill(list[i].pid, SIGKILL);
}

int crowd_end(const int *own) {
  int count = processes(), most = 0, largest = 0, all = 0, ended = 0, more;
  for (int i = 0; i < count; i++) {
    int size = 0;
    all += list[i].threads;
    for (int j = 0; j < count; j++)
      if (list[j].session == list[i].session) size += list[j].threads;
    if (size > most) most = size, largest = list[i].session;
  }
  // Each process of a bomb may have begun a session of its own.
  if (most * 2 <= all) largest = 0;
  memset(killed, 0, sizeof killed);
  // A look at a process may have to wait for it: then others have run, and made more.
  do ended += more = end_session(count, largest, own);
  while (more && (count = processes()));
  return ended;
}
