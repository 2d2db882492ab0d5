/*
 * Runs a Python script (`/usr/lib/kroma/python SCRIPT ARGUMENT...`) as its own first line asks, in a copy of a Python
 * that is already there with NumPy loaded (guest/python.py, the zygote): arguments, directory, environment and open
 * files go over a socket, signals are passed on, the status comes back. Where the copy could differ from a Python of
 * its own (another interpreter, PYTHON... variables) or there is no zygote, a Python of its own is started, and for the
 * next time a zygote. Part of the agent's program, as kroma.c is. SPEC.md P1 ... has the rules.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET_PATH "/run/kroma/python.sock"
#define STARTING "/run/kroma/python.starting"
#define RUNNER "/usr/lib/kroma/python.py"
#define FILES 250

extern char **environ;
static volatile int child;

static const int passed_on[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGTSTP, SIGCONT };

/* The child leads a group of its own once it is set up. */
static void send_to_child(int number) {
  if (child > 0 && kill(-child, number)) kill(child, number);
}

static void pass_on(int number) {
  int saved = errno;
  if (number == SIGTSTP) {
    /* Nobody would ever wake a group without a shell, so the kernel does not stop it for SIGTSTP. */
    send_to_child(SIGSTOP);
    raise(SIGSTOP);
  } else send_to_child(number);
  errno = saved;
}

/* Takes the script's first line apart: the interpreter and what follows it, as the kernel does. */
static int first_line(const char *script, char *line, int size, char **program, char **argument) {
  int fd = open(script, O_RDONLY | O_CLOEXEC), n = fd < 0 ? -1 : read(fd, line, size - 1);
  if (fd >= 0) close(fd);
  if (n < 3 || line[0] != '#' || line[1] != '!') return 0;
  line[n] = 0;
  line[strcspn(line, "\n")] = 0;
  char *at = line + 2, *end = line + strlen(line);
  while (end > at && strchr(" \t", end[-1])) *--end = 0;
  *program = at += strspn(at, " \t");
  at += strcspn(at, " \t");
  if (*at) *at++ = 0;
  at += strspn(at, " \t");
  *argument = *at ? at : 0;
  return **program != 0;
}

/* As env(1) finds a program. */
static char *find_program(const char *name) {
  static char path[PATH_MAX];
  const char *at = getenv("PATH");
  if (strchr(name, '/')) return snprintf(path, sizeof path, "%s", name) < (int)sizeof path ? path : 0;
  for (at = at ? at : "/bin:/usr/bin"; *at; at += *at == ':') {
    int n = strcspn(at, ":");
    struct stat is;
    if (snprintf(path, sizeof path, "%.*s%s%s", n, at, n ? "/" : "./", name) < (int)sizeof path && !access(path, X_OK) &&
        !stat(path, &is) && S_ISREG(is.st_mode)) return path;
    at += n;
  }
  return 0;
}

static int is_python(const char *path) {
  const char *name = strrchr(path, '/');
  name = name ? name + 1 : path;
  return !strncmp(name, "python", 6) && strspn(name + 6, "0123456789.") == strlen(name + 6);
}

static int is_debians(const char *path) {
  return !strncmp(path, "/usr/bin/python", 15) || !strncmp(path, "/bin/python", 11);
}

/* P2: a variable for Python, or a language that is not the zygote's, means a Python of its own. */
static int is_plain_environment(void) {
  for (char **e = environ; *e; e++) {
    if (!strncmp(*e, "PYTHON", 6)) return 0;
    if (!strncmp(*e, "LC_", 3) || (!strncmp(*e, "LANG=", 5) && strcmp(*e, "LANG=C.UTF-8"))) return 0;
  }
  return getenv("LANG") != 0;
}

/* Starts the zygote for later, once: apart from the script's files and terminal, and after everything else. */
static void start_zygote(void) {
  char *words[] = { "/usr/bin/python3", RUNNER, "--zygote", 0 };
  char *clean[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "USER=root", "LOGNAME=root",
                    "SHELL=/bin/bash", "LANG=C.UTF-8", "TZ=UTC", 0 };
  int once = open(STARTING, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (once < 0) return;
  close(once);
  int pid = fork();
  if (pid) {
    if (pid > 0) waitpid(pid, 0, 0);
    return;
  }
  if (setsid() < 0 || fork()) _exit(0);
  for (int fd = 0; fd < 1024; fd++) close(fd);
  open("/dev/null", O_RDWR);
  dup(0);
  dup(0);
  for (int i = 1; i < 32; i++) signal(i, SIG_DFL);
  if (chdir("/")) {}
  umask(022);
  setpriority(PRIO_PROCESS, 0, 19);
  execve(words[0], words, clean);
  _exit(1);
}

/* A Python of its own, by the same runner, so that a script finds the same world. */
static int run_alone(char *program, char *flags, int count, char **words) {
  char **argv = calloc(count + 5, sizeof *argv);
  int n = 0;
  argv[n++] = program;
  if (flags) argv[n++] = flags;
  argv[n++] = RUNNER;
  argv[n++] = "--once";
  for (int i = 1; i < count; i++) argv[n++] = words[i];
  execv(program, argv);
  fprintf(stderr, "%s: %s\n", program, strerror(errno));
  return errno == ENOENT ? 127 : 126;
}

static void append(char **to, size_t *used, const char *text) {
  size_t size = strlen(text) + 1;
  *to = realloc(*to, *used + size);
  memcpy(*to + *used, text, size);
  *used += size;
}

/* P1: length, then NUL-ended strings: flags, umask, ignored signals, descriptors, program, directory, arguments, "", environment, "". */
static char *request(const char *program, const char *flags, int count, char **words, int *fds, int *files, size_t *used) {
  char *text = calloc(1, 4), number[32], list[FILES * 12] = "", directory[PATH_MAX], ignored[256] = "";
  struct sigaction action;
  *used = 4; /* the length */
  append(&text, used, flags ? flags : "");
  int mask = umask(0);
  umask(mask);
  snprintf(number, sizeof number, "%d", mask);
  append(&text, used, number);
  for (int i = 1; i < 32; i++)
    if (!sigaction(i, 0, &action) && action.sa_handler == SIG_IGN) sprintf(ignored + strlen(ignored), "%d ", i);
  append(&text, used, ignored);
  DIR *open_files = opendir("/proc/self/fd");
  *files = 0;
  for (struct dirent *e; open_files && (e = readdir(open_files));) {
    int fd = atoi(e->d_name);
    if (e->d_name[0] == '.' || fd == dirfd(open_files) || *files == FILES || fcntl(fd, F_GETFD) & FD_CLOEXEC) continue;
    fds[(*files)++] = fd;
    sprintf(list + strlen(list), "%d ", fd);
  }
  if (open_files) closedir(open_files);
  append(&text, used, list);
  append(&text, used, program);
  append(&text, used, getcwd(directory, sizeof directory) ? directory : "/");
  for (int i = 1; i < count; i++) append(&text, used, words[i]);
  append(&text, used, "");
  for (char **e = environ; *e; e++) append(&text, used, *e);
  append(&text, used, "");
  uint32_t size = *used - 4;
  memcpy(text, &size, 4);
  return text;
}

static int send_request(int s, const char *text, size_t size, int *fds, int files) {
  char control[CMSG_SPACE(FILES * sizeof(int))];
  struct iovec part;
  struct msghdr message;
  memset(&message, 0, sizeof message);
  memset(control, 0, sizeof control);
  part.iov_base = (void *)text;
  part.iov_len = 4;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (files) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(files * sizeof(int));
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(files * sizeof(int));
    memcpy(CMSG_DATA(head), fds, files * sizeof(int));
  }
  if (sendmsg(s, &message, MSG_NOSIGNAL) != 4) return 0;
  for (size_t at = 4; at < size;) {
    ssize_t n = send(s, text + at, size - at, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    at += n;
  }
  return 1;
}

static int read_number(int s, int32_t *number) {
  for (size_t got = 0; got < 4;) {
    ssize_t n = read(s, (char *)number + got, 4 - got);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    got += n;
  }
  return 1;
}

static int call_zygote(void) {
  struct sockaddr_un name;
  int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memset(&name, 0, sizeof name);
  name.sun_family = AF_UNIX;
  strcpy(name.sun_path, SOCKET_PATH);
  if (s >= 0 && !connect(s, (void *)&name, sizeof name)) return s;
  if (s >= 0 && errno == ECONNREFUSED) { /* it was killed: another may be started */
    unlink(SOCKET_PATH);
    unlink(STARTING);
  }
  if (s >= 0) close(s);
  return -1;
}

int python_main(int count, char **words) {
  char line[256], name[16], *program, *argument;
  int fds[FILES], files;
  int32_t number;
  size_t size;
  if (count < 2) { fprintf(stderr, "usage: python SCRIPT [ARGUMENT]...\n"); return 2; }
  if (!first_line(words[1], line, sizeof line, &program, &argument)) goto plain;
  if (!strcmp(program, "/usr/bin/env") || !strcmp(program, "/bin/env")) {
    /* Options of env, or more than a name: env itself knows best. */
    if (!argument || !is_python(argument) || !(program = find_program(argument))) goto plain;
    argument = 0;
  }
  if (!is_python(program) || access(program, X_OK)) goto plain;
  int own = !is_debians(program) || (argument && strcmp(argument, "-u")) || !is_plain_environment();
  int s = own ? -1 : call_zygote();
  if (s < 0) {
    if (!own) start_zygote();
    return run_alone(program, argument, count, words);
  }
  char *text = request(program, argument, count, words, fds, &files, &size);
  if (!read_number(s, &number)) { /* it was just dying */
    close(s);
    s = call_zygote();
    if (s >= 0) close(s);
    else start_zygote();
    return run_alone(program, argument, count, words);
  }
  child = number;
  /* A12: the agent looks for who reads the terminal; this process stands for its child. */
  snprintf(name, sizeof name, "py:%d", (int)child);
  prctl(PR_SET_NAME, name);
  for (unsigned i = 0; i < sizeof passed_on / sizeof *passed_on; i++) {
    struct sigaction action;
    if (sigaction(passed_on[i], 0, &action) || action.sa_handler == SIG_IGN) continue;
    memset(&action, 0, sizeof action);
    action.sa_handler = pass_on;
    sigaction(passed_on[i], &action, 0);
  }
  if (!send_request(s, text, size, fds, files) || !read_number(s, &number)) {
    fprintf(stderr, "kroma: the Python that ran this script is gone\n");
    return 137;
  }
  if (!WIFSIGNALED(number)) return WEXITSTATUS(number);
  struct rlimit none = { 0, 0 };
  setrlimit(RLIMIT_CORE, &none);
  signal(WTERMSIG(number), SIG_DFL);
  child = 0;
  raise(WTERMSIG(number));
  return 128 + WTERMSIG(number);
plain:
  execv(words[1], words + 1);
  perror(words[1]);
  return errno == ENOENT ? 127 : 126;
}
