/*
 * The agent: the one program of the guest that the host talks to. It runs as process 1 and multiplexes processes,
 * terminals, sockets, the clock and entropy over one virtio console port. SPEC.md beside this file has the rules
 * (A1 ...); kernels/shell/mux.ts is the other end. Compiled in the guest by tcc when the image is built, so it keeps
 * to plain C and to what glibc's headers give such a compiler.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "crowd.h"
#include "look.h"

#define VERSION 4
#define PAYLOAD 4091 /* A1: a frame of the host is at most 4096 bytes */
#define OUTPUT 16384 /* A1: and one of the agent so many; several are sent at once */
#define CHANNELS 128
#define CREDIT (256 * 1024)
#define QUEUE (128 * 1024)
#define EVENTS 64
#define PROXY 3128 /* A15: programs find the web here */
#define LONGEST_REST 5000 /* A18, milliseconds */
#define FIRST_LOOK 50 /* A12, milliseconds: a look costs several; most programs are done before */

enum { H_SPAWN = 1, H_DATA, H_EOF, H_SIGNAL, H_RESIZE, H_SETTIME, H_SEED, H_CREDIT, H_PING, H_DIAL, H_CLOSE,
       H_TTY, H_FILE, H_MOUNT, H_WATCH, H_HELLO, H_ROOT, H_LOOK };
enum { G_OUT = 65, G_ERR, G_CTL, G_TTY, G_EXIT, G_GONE, G_HELLO, G_OPEN, G_ACK, G_PONG, G_WROTE, G_FAIL, G_WANT,
       G_RESULT, G_SEEN, G_CROWD, G_PAD };
enum { FREE, PROCESS, SOCKET };
enum { PIPES, TERMINAL, SHELL };
enum { OUT, ERR, CTL, TTY, STREAMS, IN = STREAMS };
enum { PORT, WAKE, LISTENER, PROXY_LISTENER, FIXED }; /* what is always waited for */

struct channel {
  int kind, id, mode, pid, status;
  int exited, told;      /* the process ended; the host knows */
  int in;                /* where H_DATA goes */
  int fd[STREAMS];       /* what comes from it */
  int waits[STREAMS + 1]; /* the events of each, and of `in`, that the kernel was asked for */
  int large;             /* the last piece of output was */
  int slave;             /* SHELL: the cell's terminal, kept open to look at its settings */
  int held[2], marked;   /* A9: bytes of OUT and ERR that go before CTL or EXIT */
  int ended;             /* the host sent EOF */
  int watch, wanted, wait; /* A12: looking for a reader of the terminal */
  long credit;
  uint8_t *queue;
  size_t queued;
  char name[32];         /* the terminal's path */
};

static struct channel channels[CHANNELS];
static int used; /* no channel from here on is in use: mostly there are a few, and each frame is looked up */
static int port, poller, listener, proxy, look_every, look_due, wake[2], next_id = 0x8000;
static struct epoll_event events[EVENTS];
static uint8_t input[65536];
static size_t filled;

/* Frames for the host, gathered until the agent waits again: each write costs more than what is in it. */
static uint8_t *output; /* at a multiple of eight, see pad */
static int pending;

static void send_out(void) {
  const uint8_t *at = output;
  int most = OUTPUT;
  while (pending) {
    ssize_t done = write(port, at, pending < most ? pending : most);
    if (done < 0) {
      if (errno == ENOMEM) most = 1024, usleep(1000); /* the kernel copies it, and has no room at the moment */
      else if (errno != EINTR && errno != EAGAIN) _exit(9);
      continue;
    }
    at += done;
    pending -= done;
  }
}

static uint8_t *frame_head(int type, int id, int size) {
  if (pending + size + 5 > OUTPUT) send_out();
  uint8_t *head = output + pending;
  head[0] = size;
  head[1] = size >> 8;
  head[2] = type;
  head[3] = id;
  head[4] = id >> 8;
  return head;
}

static void frame(int type, int id, const void *data, int size) {
  uint8_t *head = frame_head(type, id, size);
  if (size) memcpy(head + 5, data, size);
  pending += size + 5;
}

static void word(int type, int id, uint32_t value) { frame(type, id, &value, 4); }
static void fail(int id, const char *reason) { frame(G_FAIL, id, reason, strlen(reason)); }
static void nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }
static int u16(const uint8_t *at) { return at[0] | at[1] << 8; }

static struct channel *find(int id) {
  for (struct channel *c = channels, *end = channels + used; c < end; c++)
    if (c->id == id && c->kind) return c;
  return 0;
}

static struct channel *allocate(int id, int kind) {
  if (find(id)) return 0;
  for (int i = 0; i < CHANNELS; i++) {
    struct channel *c = channels + i;
    if (c->kind) continue;
    if (i >= used) used = i + 1;
    memset(c, 0, sizeof *c);
    c->kind = kind;
    c->id = id;
    c->in = c->slave = -1;
    for (int s = 0; s < STREAMS; s++) c->fd[s] = -1;
    c->credit = CREDIT;
    return c;
  }
  return 0;
}

static int shared(struct channel *c) { return c->in >= 0 && (c->in == c->fd[OUT]); }

/* Asks the kernel to say when a stream is ready. Only changes are said: mostly there are none. */
static void wait_for(struct channel *c, int s, int events) {
  struct epoll_event event;
  if (c->waits[s] == events) return;
  event.events = events;
  event.data.u32 = (FIXED + (c - channels)) << 3 | s;
  epoll_ctl(poller, !events ? EPOLL_CTL_DEL : c->waits[s] ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, s == IN ? c->in : c->fd[s], &event);
  c->waits[s] = events;
}

/* A child that has not run yet has these files, too: what is closed here must be forgotten first. */
static void close_stream(struct channel *c, int s) {
  if (c->fd[s] < 0) return;
  wait_for(c, s, 0);
  close(c->fd[s]);
  c->fd[s] = -1;
}

static void close_input(struct channel *c) {
  if (c->in >= 0 && !shared(c)) {
    wait_for(c, IN, 0);
    close(c->in);
  }
  c->in = -1;
}

static void drop(struct channel *c) {
  close_input(c);
  for (int s = 0; s < STREAMS; s++) close_stream(c, s);
  if (c->slave >= 0) close(c->slave);
  free(c->queue);
  c->queue = 0;
  c->kind = FREE;
  while (used && !channels[used - 1].kind) used--;
}

/* Writes what is queued for a process or socket; tells the host how much went (A8). */
static void flush(struct channel *c) {
  uint32_t done = 0;
  while (c->in >= 0 && c->queued) {
    ssize_t n = write(c->in, c->queue, c->queued);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) n = c->queued; /* nobody reads any more: forget it */
    memmove(c->queue, c->queue + n, c->queued - n);
    c->queued -= n;
    done += n;
  }
  if (done) word(G_WROTE, c->id, done);
  if (c->ended == 1 && !c->queued) {
    c->ended = 2;
    if (c->kind == SOCKET) shutdown(c->in, SHUT_WR);
    else if (c->mode != TERMINAL) close_input(c);
  }
}

/* The processes that the host started, a list ended by 0; or the shells of cells among them. */
static const int *started(int *list, int shells) {
  int n = 0;
  for (int i = 0; i < used; i++) {
    struct channel *c = channels + i;
    if (c->kind == PROCESS && !c->exited && c->pid > 0 && (!shells || c->mode == SHELL)) list[n++] = c->pid;
  }
  list[n] = 0;
  return list;
}

/* A19: ends what fills the machine with processes, and says so. */
static void thin_out(void) {
  int own[CHANNELS + 1];
  uint32_t ended = crowd_end(started(own, 0));
  if (ended) word(G_CROWD, 0, ended);
}

static void child_signals(void) {
  sigset_t none;
  for (int i = 1; i < 32; i++) signal(i, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
}

/* A6: mode, size, then NUL-ended strings: arguments, "", environment, "", directory. */
static void spawn(int id, uint8_t *p, int size) {
  char *argv[64], *env[128];
  int argc = 0, envc = 0, ok = size > 6 && p[size - 1] == 0, mode = p[0];
  struct winsize ws;
  memset(&ws, 0, sizeof ws);
  char *s = (char *)p + 5, *end = (char *)p + size;
  if (!ok || mode > SHELL) { fail(id, "malformed spawn"); return; }
  ws.ws_col = u16(p + 1);
  ws.ws_row = u16(p + 3);
  for (; s < end && *s; s += strlen(s) + 1)
    if (argc < 63) argv[argc++] = s;
  for (s++; s < end && *s; s += strlen(s) + 1)
    if (envc < 127) env[envc++] = s;
  argv[argc] = 0;
  env[envc] = 0;
  s++;
  char *directory = s < end && *s ? s : "/";
  if (!argc) { fail(id, "malformed spawn"); return; }
  struct channel *c = allocate(id, PROCESS);
  if (!c) { fail(id, "no free channel"); return; }
  int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, ctl[2] = { -1, -1 }, master = -1, slave = -1;
  if (mode != PIPES) {
    if (openpty(&master, &slave, c->name, 0, &ws)) { fail(id, strerror(errno)); c->kind = FREE; return; }
    fcntl(master, F_SETFD, FD_CLOEXEC);
    fcntl(slave, F_SETFD, FD_CLOEXEC);
    nonblocking(master);
  }
  if (mode != TERMINAL && (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC) || pipe2(ctl, O_CLOEXEC))) {
    fail(id, strerror(errno));
    c->kind = FREE;
    return;
  }
  int pid = fork();
  for (int tries = 0; pid < 0 && errno == EAGAIN && tries < 100; tries++) {
    /* A19: what fills the machine goes; its end takes a moment, in which others must run. */
    if (tries % 50 == 0) thin_out();
    usleep(10000);
    pid = fork();
  }
  if (pid == 0) {
    setsid();
    child_signals();
    if (slave >= 0) ioctl(slave, TIOCSCTTY, 0);
    if (mode == TERMINAL) {
      for (int i = 0; i < 3; i++) dup2(slave, i);
    } else if (mode == PIPES) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      dup2(err[1], 2);
    } else {
      int null = open("/dev/null", O_RDWR);
      dup2(in[0], 0);
      dup2(null, 1);
      dup2(null, 2);
      dup2(slave, 60);
      dup2(out[1], 61);
      dup2(err[1], 62);
      dup2(ctl[1], 63);
      close(null);
    }
    if (chdir(directory)) chdir("/");
    environ = env;
    execvpe(argv[0], argv, env);
    dprintf(mode == SHELL ? 62 : 2, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
  }
  c->pid = pid;
  c->mode = mode;
  if (mode == TERMINAL) {
    close(slave);
    c->in = c->fd[OUT] = master;
  } else {
    close(in[0]);
    close(out[1]);
    close(err[1]);
    close(ctl[1]);
    c->in = in[1];
    c->fd[OUT] = out[0];
    c->fd[ERR] = err[0];
    if (mode == SHELL) {
      c->fd[CTL] = ctl[0];
      c->fd[TTY] = master;
      c->slave = slave;
    } else close(ctl[0]);
    nonblocking(c->in);
    for (int i = 0; i < 3; i++)
      if (c->fd[i] >= 0) nonblocking(c->fd[i]);
  }
  if (pid < 0) {
    fail(id, strerror(errno));
    drop(c);
  }
}

static void dial(int id, int number) {
  struct sockaddr_in to;
  int one = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memset(&to, 0, sizeof to);
  to.sin_family = AF_INET;
  to.sin_port = htons(number);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct channel *c = s >= 0 && !connect(s, (void *)&to, sizeof to) ? allocate(id, SOCKET) : 0;
  if (!c) {
    fail(id, errno ? strerror(errno) : "no free channel");
    if (s >= 0) close(s);
    return;
  }
  setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  nonblocking(s);
  c->in = c->fd[OUT] = s;
  frame(G_OPEN, id, 0, 0);
}

static void accept_call(int from, uint8_t kind) {
  int s = accept4(from, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (s < 0) return;
  while (find(next_id)) next_id = next_id >= 0xfff0 ? 0x8000 : next_id + 1;
  struct channel *c = allocate(next_id, SOCKET);
  if (!c) { close(s); return; }
  c->in = c->fd[OUT] = s;
  frame(G_OPEN, next_id, &kind, 1);
  next_id = next_id >= 0xfff0 ? 0x8000 : next_id + 1;
}

/* A10: 0 the process's group, 1 the process alone, 2 what is in the foreground, as Ctrl-C, and the shell itself; 3 the
   shell's own group if that is in the foreground. */
static void send_signal(struct channel *c, int number, int target) {
  if (c->pid <= 0 || c->exited) return;
  if (target == 0) kill(-c->pid, number);
  if (target == 1) kill(c->pid, number);
  if (target < 2) return;
  int group = tcgetpgrp(c->mode == SHELL ? c->slave : c->fd[OUT]);
  if (c->mode == SHELL) group = 0, ioctl(c->fd[TTY], TIOCGPGRP, &group);
  int own = group == c->pid || group <= 0;
  if (target == 3) {
    if (own) kill(-c->pid, number);
    return;
  }
  if (!own) kill(-group, number);
  /* A command substitution runs in the shell's group: it can be killed without the shell. */
  if (own && number == SIGKILL && c->mode == SHELL) end_followers(c->pid);
  else if (own || number == SIGINT) kill(-c->pid, number);
}

static void set_time(const uint8_t *p) {
  uint64_t us;
  int64_t now, want;
  struct timespec ts;
  memcpy(&us, p, 8);
  clock_gettime(CLOCK_REALTIME, &ts);
  now = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
  want = us / 1000;
  if (want - now < 50 && now - want < 50) return; /* A11: small differences are not worth a jump */
  ts.tv_sec = us / 1000000;
  ts.tv_nsec = us % 1000000 * 1000;
  clock_settime(CLOCK_REALTIME, &ts);
}

/* A11: entropy for the kernel, and a machine id for a machine that has none. */
static void seed(const uint8_t *p, int size) {
  struct { int entropy, size; uint8_t bytes[512]; } pool;
  int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
  if (size > 512) size = 512;
  memcpy(pool.bytes, p, size);
  pool.size = size;
  pool.entropy = size * 8;
  ioctl(fd, RNDADDENTROPY, &pool);
  ioctl(fd, RNDRESEEDCRNG, 0);
  uint8_t id[16];
  if (read(fd, id, 16) == 16) {
    FILE *f = fopen("/etc/machine-id", "wxe");
    if (f) {
      for (int i = 0; i < 16; i++) fprintf(f, "%02x", id[i]);
      fprintf(f, "\n");
      fclose(f);
    }
  }
  close(fd);
}

/* A13: flags (1 append, 2 a program), path, NUL, bytes. */
static void put_file(int id, uint8_t *p, int size) {
  uint8_t *end = size > 2 ? memchr(p + 1, 0, size - 1) : 0;
  uint32_t error = EINVAL;
  if (end) {
    int fd = open((char *)p + 1, O_WRONLY | O_CREAT | O_CLOEXEC | (p[0] & 1 ? O_APPEND : O_TRUNC), p[0] & 2 ? 0700 : 0600);
    int left = size - (end + 1 - p);
    error = fd < 0 || write(fd, end + 1, left) != left ? errno : 0;
    if (fd >= 0) close(fd);
  }
  word(G_RESULT, id, error);
}

/* A14: source, target, type, options: four NUL-ended strings. An empty type unmounts. */
static void mount_it(int id, uint8_t *p, int size) {
  char *part[4], *s = (char *)p;
  int n = 0;
  if (size && !p[size - 1])
    for (; s < (char *)p + size && n < 4; s += strlen(s) + 1) part[n++] = s;
  uint32_t error = EINVAL;
  if (n == 4) {
    mkdir(part[1], 0755);
    error = (*part[2] ? mount(part[0], part[1], part[2], MS_NOATIME, part[3]) : umount2(part[1], MNT_DETACH)) ? errno : 0;
  }
  word(G_RESULT, id, error);
}

/* A17: a path, NUL. What is mounted there becomes the root of the agent and of all that it starts. */
static void change_root(int id, uint8_t *p, int size) {
  static const char *const along[] = { "dev", "proc", "sys", "run", "tmp" };
  char from[32], to[300];
  uint32_t error = EINVAL;
  if (size > 1 && size < 256 && !p[size - 1]) {
    snprintf(to, sizeof to, "%s/bin/bash", p);
    error = access(to, X_OK) ? errno : 0;
    for (int i = 0; !error && i < 5; i++) {
      snprintf(from, sizeof from, "/%s", along[i]);
      snprintf(to, sizeof to, "%s/%s", p, along[i]);
      mkdir(to, 0755);
      if (mount(from, to, 0, MS_MOVE, 0)) error = errno;
    }
    /* The old root is put over the new one for a moment, and goes once nothing uses it. */
    if (!error && (chdir((char *)p) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))) error = errno;
  }
  word(G_RESULT, id, error);
}

static int milliseconds(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A18: tells what runs, if it is news or was asked for. */
static void look_around(int asked) {
  static uint8_t last[PAYLOAD], now[PAYLOAD];
  static int last_size;
  int own[CHANNELS + 1], shells[CHANNELS + 1], began = milliseconds();
  if (crowded()) thin_out();
  struct timespec up;
  clock_gettime(CLOCK_BOOTTIME, &up);
  int size = look(now + 4, PAYLOAD - 4, started(own, 0), started(shells, 1));
  /* The agent goes before all others: to look must not take much of the machine. But a look that took long because the
     host was busy elsewhere says nothing of the next. */
  int now_ms = milliseconds(), rest = (now_ms - began) * 20;
  if (rest > LONGEST_REST) rest = LONGEST_REST;
  look_due = now_ms + (rest > look_every ? rest : look_every);
  if (!asked && size == last_size && !memcmp(now + 4, last, size)) return;
  memcpy(last, now + 4, last_size = size);
  memcpy(now, &(uint32_t){up.tv_sec}, 4);
  frame(G_SEEN, 0, now, size + 4);
}

/* A2: a new host. All that the last one started is ended. */
static void greet(void) {
  look_every = 0;
  for (int i = 0; i < used; i++) {
    struct channel *c = channels + i;
    if (c->kind == PROCESS && !c->exited) kill(-c->pid, SIGKILL);
    if (c->kind) drop(c);
  }
  char hello[64];
  int n = snprintf(hello, sizeof hello, "kroma-agent %d", VERSION);
  frame(G_HELLO, 0, hello, n);
}

static void handle(int type, int id, uint8_t *p, int size) {
  struct channel *c = find(id);
  uint32_t amount;
  switch (type) {
  case H_HELLO: greet(); break;
  case H_LOOK: if (size == 2) { look_every = u16(p); look_around(1); } break;
  case H_SPAWN: spawn(id, p, size); break;
  case H_DATA:
    if (!c || c->in < 0 || c->ended) { word(G_WROTE, id, size); break; }
    if (!c->queue) c->queue = malloc(QUEUE);
    if (!c->queue || c->queued + size > QUEUE) { fail(id, "input window exceeded"); break; }
    memcpy(c->queue + c->queued, p, size);
    c->queued += size;
    flush(c);
    break;
  case H_EOF:
    if (c && !c->ended) { c->ended = 1; flush(c); }
    break;
  case H_TTY:
    if (c && c->fd[TTY] >= 0) { write(c->fd[TTY], p, size); c->wanted = 0; c->wait = FIRST_LOOK; }
    break;
  case H_SIGNAL: if (c && size == 2) send_signal(c, p[0], p[1]); break;
  case H_RESIZE:
    if (c && size == 4) {
      struct winsize ws;
      memset(&ws, 0, sizeof ws);
      ws.ws_col = u16(p);
      ws.ws_row = u16(p + 2);
      int fd = c->mode == SHELL ? c->fd[TTY] : c->fd[OUT];
      if (fd >= 0 && c->mode != PIPES) ioctl(fd, TIOCSWINSZ, &ws);
    }
    break;
  case H_SETTIME: if (size == 8) set_time(p); break;
  case H_SEED: seed(p, size); break;
  case H_CREDIT: if (c && size == 4) { memcpy(&amount, p, 4); c->credit += amount; } break;
  case H_PING: frame(G_PONG, id, p, size); break;
  case H_DIAL: if (size == 2) dial(id, u16(p)); break;
  case H_CLOSE:
    if (!c) break;
    if (c->kind == PROCESS && !c->exited) {
      /* A child that has not run yet leads no group: it is hung up itself, or it would run for ever unheard. */
      if (kill(-c->pid, SIGHUP)) kill(c->pid, SIGHUP);
      kill(-c->pid, SIGCONT);
    }
    drop(c);
    break;
  case H_FILE: put_file(id, p, size); break;
  case H_MOUNT: mount_it(id, p, size); break;
  case H_ROOT: change_root(id, p, size); break;
  case H_WATCH: if (c && size == 1) { c->watch = p[0]; c->wanted = 0; c->wait = FIRST_LOOK; } break;
  }
}

/* Reads frames from the port; every one that was handled is acknowledged (A3). */
static void receive(void) {
  ssize_t got;
  uint16_t frames = 0;
  /* A read gives one buffer, which holds one frame; after a long one another is likely. */
  do {
    got = read(port, input + filled, sizeof input - filled);
    size_t at = 0;
    if (got <= 0) break;
    filled += got;
    while (filled - at >= 5) {
      size_t size = u16(input + at);
      if (size > PAYLOAD) _exit(8); /* A1: the stream is lost */
      if (filled - at < size + 5) break;
      frames++;
      handle(input[at + 2], u16(input + at + 3), input + at + 5, size);
      at += size + 5;
    }
    memmove(input, input + at, filled - at);
    filled -= at;
  } while (got > 1024);
  if (frames) frame(G_ACK, 0, &frames, 2);
}

/* A9: from now on, what is in OUT and ERR at this moment goes first. */
static void mark(struct channel *c) {
  for (int s = OUT; s <= ERR; s++) {
    c->held[s] = 0;
    if (c->fd[s] >= 0) ioctl(c->fd[s], FIONREAD, &c->held[s]);
  }
  c->marked = 1;
}

static int settled(struct channel *c) { return c->held[OUT] <= 0 && c->held[ERR] <= 0; }

/* The kernel copies twice as fast between places that are as far from a multiple of eight: a frame before makes it so. */
static void pad(void) {
  int size = -(pending + 5) & 7;
  if (!size) return;
  frame(G_PAD, 0, "\0\0\0\0\0\0\0", size < 5 ? size + 3 : size - 5);
}

/* Passes on what one stream has, within the credit. */
static void pass(struct channel *c, int s) {
  static const int types[STREAMS] = { G_OUT, G_ERR, G_CTL, G_TTY };
  if (pending > OUTPUT - PAYLOAD) send_out();
  if (c->large && s <= ERR) pad();
  long room = OUTPUT - pending - 5;
  if (c->credit < room) room = c->credit;
  if (room <= 0) return;
  ssize_t n = read(c->fd[s], output + pending + 5, room);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n > 0) {
    c->credit -= n;
    if (s <= ERR) c->held[s] -= n, c->large = n >= 1024;
    if (s == CTL) c->marked = 0;
    c->wait = FIRST_LOOK;
    frame_head(types[s], c->id, n);
    pending += n + 5;
    return;
  }
  if (c->in == c->fd[s]) c->in = -1;
  close_stream(c, s);
  if (s <= ERR) c->held[s] = 0;
}

/* Tells of a process's end once its output is out (A9), and frees the channel when nothing can come any more. */
static void finish(struct channel *c) {
  if (c->kind == PROCESS && c->exited && !c->told && settled(c) && (c->fd[CTL] < 0 || c->marked == 2)) {
    c->told = 1;
    word(G_EXIT, c->id, c->status);
    if (c->slave >= 0) { close(c->slave); c->slave = -1; }
    close_stream(c, TTY);
    close_stream(c, CTL);
  }
  int open = c->fd[OUT] >= 0 || c->fd[ERR] >= 0;
  if ((c->kind == PROCESS && c->told && !open) || (c->kind == SOCKET && !open)) {
    frame(G_GONE, c->id, 0, 0);
    drop(c);
  }
}

static void reap(void) {
  char rest[64];
  int status, pid;
  while (read(wake[0], rest, sizeof rest) > 0);
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
    for (int i = 0; i < used; i++) {
      struct channel *c = channels + i;
      if (c->kind != PROCESS || c->pid != pid || c->exited) continue;
      c->exited = 1;
      c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      if (c->fd[CTL] >= 0) while (c->credit > 0 && settled(c)) { int n = 0; ioctl(c->fd[CTL], FIONREAD, &n); if (n <= 0) break; pass(c, CTL); }
      mark(c);
      c->marked = 2;
      finish(c);
    }
}

static int slurp(const char *path, char *into, int size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC), n = fd < 0 ? -1 : read(fd, into, size - 1);
  if (fd >= 0) close(fd);
  into[n > 0 ? n : 0] = 0;
  return n;
}

static int is_terminal(struct channel *c, int pid, int fd) {
  char path[64], link[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
  int n = readlink(path, link, sizeof link - 1);
  if (n <= 0) return 0;
  link[n] = 0;
  return !strcmp(link, c->name) || !strcmp(link, "/dev/tty");
}

/* True if the process sleeps in a call that waits for the terminal: read, poll or select (i386 numbers). */
static int reads_terminal(struct channel *c, int pid) {
  char path[64], text[256];
  unsigned long number, a, b;
  snprintf(path, sizeof path, "/proc/%d/syscall", pid);
  if (slurp(path, text, sizeof text) <= 0 || sscanf(text, "%lu 0x%lx 0x%lx", &number, &a, &b) != 3) return 0;
  if (number == 3 || number == 145) return is_terminal(c, pid, a);
  int poll_call = number == 168 || number == 309 || number == 414;
  int select_call = number == 142 || number == 308 || number == 413;
  if (!poll_call && !select_call) return 0;
  uint8_t memory[256];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  /* A stack is above what an offset of 32 bits reaches. */
  off64_t at = poll_call ? a : b;
  int fd = open(path, O_RDONLY | O_CLOEXEC), n = fd < 0 ? -1 : pread64(fd, memory, sizeof memory, at);
  if (fd >= 0) close(fd);
  for (int i = 0; poll_call && i < (int)b && (i + 1) * 8 <= n; i++) {
    struct pollfd *p = (struct pollfd *)memory + i;
    if (p->fd >= 0 && (p->events & POLLIN) && is_terminal(c, pid, p->fd)) return 1;
  }
  for (int i = 0; select_call && b && i < (int)a && i / 8 < n; i++)
    if ((memory[i / 8] >> (i % 8) & 1) && is_terminal(c, pid, i)) return 1;
  return 0;
}

static int tree_reads(struct channel *c, int pid, int depth) {
  char path[64], text[512], *at = text, *end;
  if (reads_terminal(c, pid)) return 1;
  /* python.c: the process says whom it stands for. */
  snprintf(path, sizeof path, "/proc/%d/comm", pid);
  if (depth <= 8 && slurp(path, text, sizeof text) > 3 && !strncmp(text, "py:", 3) && tree_reads(c, atoi(text + 3), depth + 1)) return 1;
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
  if (depth > 8 || slurp(path, text, sizeof text) <= 0) return 0;
  for (long child; (child = strtol(at, &end, 10)) > 0 && end != at; at = end)
    if (tree_reads(c, child, depth + 1)) return 1;
  return 0;
}

/* A12: says once that somebody waits for a line of the cell's terminal, and whether it would be shown. */
static void look_for_reader(struct channel *c) {
  int unread = 0;
  struct termios t;
  ioctl(c->slave, FIONREAD, &unread);
  if (unread || !tree_reads(c, c->pid, 0)) {
    c->wait = c->wait < 160 ? c->wait * 2 : 320;
    return;
  }
  uint8_t echo = !tcgetattr(c->slave, &t) && (t.c_lflag & ECHO) ? 1 : 0;
  c->wanted = 1;
  frame(G_WANT, c->id, &echo, 1);
}

static void on_child(int number) {
  int saved = errno;
  if (write(wake[1], "", 1)) {}
  errno = saved;
  (void)number;
}

static void set_up(const char *device) {
  struct sigaction action;
  struct sockaddr_un name;
  struct sched_param priority;
  port = open(device, O_RDWR | O_CLOEXEC | O_NONBLOCK);
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (port < 0 || poller < 0) { perror(device); exit(1); }
  signal(SIGPIPE, SIG_IGN);
  if (pipe2(wake, O_CLOEXEC | O_NONBLOCK)) exit(1);
  memset(&action, 0, sizeof action);
  action.sa_handler = on_child;
  action.sa_flags = SA_RESTART;
  sigaction(SIGCHLD, &action, 0);
  memset(&name, 0, sizeof name);
  name.sun_family = AF_UNIX;
  strcpy(name.sun_path, "/run/kroma.sock");
  unlink(name.sun_path);
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (bind(listener, (void *)&name, sizeof name) || listen(listener, 16)) perror(name.sun_path);
  chmod(name.sun_path, 0666);
  struct sockaddr_in web;
  int one = 1;
  memset(&web, 0, sizeof web);
  web.sin_family = AF_INET;
  web.sin_port = htons(PROXY);
  web.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  proxy = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  setsockopt(proxy, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(proxy, (void *)&web, sizeof web) || listen(proxy, 16)) perror("the proxy's port");
  static uint8_t space[OUTPUT + 8];
  output = space + (-(uintptr_t)space & 7);
  int always[FIXED] = { port, wake[0], listener, proxy };
  for (int i = 0; i < FIXED; i++) {
    struct epoll_event event;
    event.events = EPOLLIN;
    event.data.u32 = i << 3;
    epoll_ctl(poller, EPOLL_CTL_ADD, always[i], &event);
  }
  /* A9: at the highest priority the agent reads each write before the writer makes the next: streams keep their order. */
  crowd_limit();
  memset(&priority, 0, sizeof priority);
  priority.sched_priority = 1;
  sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority);
}

int kroma_main(int count, char **words);
int python_main(int count, char **words);

int main(int argc, char **argv) {
  // One program under three names: the commands are part of it, so that they start as fast as anything can here.
  const char *name = strrchr(argv[0], '/');
  name = name ? name + 1 : argv[0];
  if (!strcmp(name, "kroma")) return kroma_main(argc, argv);
  if (!strcmp(name, "python")) return python_main(argc, argv);
  set_up(argc > 1 ? argv[1] : "/dev/vport2p1");
  greet();
  for (;;) {
    int timeout = -1;
    for (int i = 0; i < used; i++) {
      struct channel *c = channels + i;
      if (!c->kind) continue;
      int may = c->credit > 0 ? EPOLLIN : 0, full = c->in >= 0 && c->queued ? EPOLLOUT : 0, both = shared(c);
      for (int s = 0; s < STREAMS; s++)
        if (c->fd[s] >= 0) wait_for(c, s, (s == CTL && c->marked && !settled(c) ? 0 : may) | (s == OUT && both ? full : 0));
      if (c->in >= 0 && !both) wait_for(c, IN, full);
      if (c->watch && !c->wanted && c->slave >= 0 && !c->exited && (timeout < 0 || c->wait < timeout)) timeout = c->wait;
    }
    int left = look_every ? look_due - milliseconds() : -1;
    if (look_every && left < 0) left = 0;
    int looks = look_every && (timeout < 0 || left < timeout);
    send_out();
    int ready = epoll_wait(poller, events, EVENTS, looks ? left : timeout);
    if (look_every && milliseconds() - look_due >= 0) look_around(0);
    if (ready < 0 || (ready == 0 && looks)) continue;
    if (ready == 0) {
      for (int i = 0; i < used; i++) {
        struct channel *c = channels + i;
        if (c->kind && c->watch && !c->wanted && c->slave >= 0 && !c->exited) look_for_reader(c);
      }
      continue;
    }
    int fixed[FIXED] = { 0 };
    for (int k = 0; k < ready; k++) {
      int place = events[k].data.u32 >> 3, stream = events[k].data.u32 & 7;
      if (place < FIXED) { fixed[place] = 1; continue; }
      struct channel *c = channels + (place - FIXED);
      if (!c->kind) continue;
      if (stream == IN || (stream == OUT && shared(c))) flush(c);
      if (stream == IN || !(events[k].events & ~EPOLLOUT) || c->fd[stream] < 0 || c->credit <= 0) continue;
      if (stream == CTL && !c->marked) mark(c);
      if (stream == CTL && !settled(c)) continue;
      pass(c, stream);
      finish(c);
    }
    if (fixed[WAKE]) reap();
    if (fixed[LISTENER]) accept_call(listener, 0);
    if (fixed[PROXY_LISTENER]) accept_call(proxy, 1);
    if (fixed[PORT]) receive();
  }
}
