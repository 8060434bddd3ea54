#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "runnel_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

int runnel_pipe(int ends[2]) {
#ifdef __linux__
    return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno;
#else
    if (pipe(ends) != 0) return errno;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return 0;
#endif
}

int runnel_set_nonblocking(int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) return errno;
    return 0;
}

int runnel_exit_descriptor(pid_t child) {
#if defined(__linux__) && defined(SYS_pidfd_open)
    return (int)syscall(SYS_pidfd_open, child, 0);
#else
    (void)child;
    return -1;
#endif
}

void runnel_block_signals(void) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
}

enum runnel_exit_kind runnel_peek_exit(pid_t child, int *detail) {
    siginfo_t info = {0};
    int result;
    do {
        result = waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (result != 0 && errno == EINTR);
    if (result != 0) return RUNNEL_LOST;
    if (info.si_pid == 0) return RUNNEL_RUNNING;
    *detail = info.si_status;
    return info.si_code == CLD_EXITED ? RUNNEL_EXITED : RUNNEL_SIGNALLED;
}

void runnel_reap(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
}

static void close_from(int first) {
#if defined(__linux__) && defined(SYS_close_range)
    if (syscall(SYS_close_range, (unsigned)first, ~0U, 0) == 0) return;
#endif
    long limit = sysconf(_SC_OPEN_MAX);
    if (limit < 0 || limit > 65536) limit = 65536;
    for (int descriptor = first; descriptor < limit; descriptor++) close(descriptor);
}

// "+ 123\n", without printf, which is not safe between fork and exec.
static void announce(int guardian, pid_t self) {
    char line[32];
    size_t start = sizeof line;
    line[--start] = '\n';
    for (long rest = self; rest > 0; rest /= 10) line[--start] = (char)('0' + rest % 10);
    line[--start] = ' ';
    line[--start] = '+';
    while (write(guardian, line + start, sizeof line - start) < 0 && errno == EINTR) {}
}

// Runs in the child with all signals blocked, and calls only what is safe there. Comes back with an errno.
static int become(const struct runnel_spawn_request *request, pid_t parent, int *report) {
    if (setsid() < 0) return errno;
#ifdef __linux__
    if (request->dies_with_thread) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
        // The parent may have ended before the request was made.
        if (getppid() != parent) _exit(127);
    }
#else
    (void)parent;
#endif
    if (request->guardian >= 0) announce(request->guardian, getpid());

    // Out of the way first: any of the three may be where another has to go.
    int wanted[3] = {request->input, request->output, request->error};
    for (int index = 0; index < 3; index++) {
        wanted[index] = fcntl(wanted[index], F_DUPFD, 10);
        if (wanted[index] < 0) return errno;
    }
    int moved = fcntl(*report, F_DUPFD, 10);
    if (moved < 0) return errno;
    *report = moved;
    for (int index = 0; index < 3; index++) {
        if (dup2(wanted[index], index) < 0) return errno;
    }
    // Only the report stays open, and goes when the program begins.
    if (dup2(*report, 3) < 0) return errno;
    *report = 3;
    fcntl(3, F_SETFD, FD_CLOEXEC);
    close_from(4);

    if (chdir(request->directory) != 0) return -errno;

    // Ignored signals stay ignored in a program, and so do blocked ones. Ignoring first drops what is pending.
    struct sigaction action = {0};
    for (int number = 1; number < NSIG; number++) {
        if (number == SIGKILL || number == SIGSTOP) continue;
        action.sa_handler = SIG_IGN;
        sigaction(number, &action, NULL);
        action.sa_handler = SIG_DFL;
        sigaction(number, &action, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    execve(request->path, request->arguments, request->environment);
    return errno;
}

int runnel_spawn(const struct runnel_spawn_request *request, pid_t *child) {
    int report[2];
    int problem = runnel_pipe(report);
    if (problem != 0) return problem;

    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        int failure = become(request, parent, &report[1]);
        while (write(report[1], &failure, sizeof failure) < 0 && errno == EINTR) {}
        _exit(127);
    }
    problem = pid < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);

    if (pid > 0) {
        // Ends without a word once the program runs.
        int failure = 0;
        ssize_t count;
        do {
            count = read(report[0], &failure, sizeof failure);
        } while (count < 0 && errno == EINTR);
        if (count == (ssize_t)sizeof failure) {
            runnel_reap(pid);
            problem = failure;
        } else {
            *child = pid;
        }
    }
    close(report[0]);
    return problem;
}
