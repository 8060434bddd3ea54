#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "marker.h"
#include "runnel_jq.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <jq.h>
#include <limits.h>
#include <runnel_spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#define PRELOAD "DYLD_INSERT_LIBRARIES="
#else
#include <sys/auxv.h>
#define PRELOAD "LD_PRELOAD="
#endif

extern char **environ;

// What libjq (time zones, the functions in ~/.jq) and the dynamic linker look at.
static const char *const kept[] = {"HOME=", "TZ=", "TZDIR=", "LD_LIBRARY_PATH=", "DYLD_LIBRARY_PATH=",
                                   "DYLD_FRAMEWORK_PATH="};
enum { kept_count = sizeof kept / sizeof *kept };

static int find_executable(char *path, uint32_t size) {
#ifdef __APPLE__
    return _NSGetExecutablePath(path, &size) == 0 ? 0 : ENAMETOOLONG;
#else
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    path[length > 0 ? length : 0] = 0;
    // When the file was replaced by a newer one, the link leads to the old one still, but its text does not.
    if (access(path, X_OK) != 0) snprintf(path, size, "/proc/self/exe");
    return 0;
#endif
}

// The library that holds this code; NULL when it is the executable itself.
static const char *find_library(void) {
    Dl_info own, executable;
#ifdef __APPLE__
    executable.dli_fbase = (void *)_dyld_get_image_header(0);
#else
    if (dladdr((void *)getauxval(AT_ENTRY), &executable) == 0) return NULL;
#endif
    if (dladdr((void *)find_library, &own) == 0 || own.dli_fbase == executable.dli_fbase) return NULL;
    return own.dli_fname;
}

static int open_channel(int ends[2]) {
#ifdef __linux__
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : errno;
#else
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return errno;
    for (int index = 0; index < 2; index++) fcntl(ends[index], F_SETFD, FD_CLOEXEC);
    setsockopt(ends[0], SOL_SOCKET, SO_NOSIGPIPE, &(int){1}, sizeof(int));
    return 0;
#endif
}

int runnel_jq_start(pid_t *child, int *channel) {
    char path[PATH_MAX], preload[PATH_MAX + sizeof PRELOAD];
    int problem = find_executable(path, sizeof path);
    if (problem != 0) return problem;

    // The marker first: nobody's environment begins with it by chance.
    char *environment[kept_count + 3] = {RUNNEL_JQ_MARKER};
    int count = 1;
    for (char **variable = environ; variable != NULL && *variable != NULL && count <= kept_count; variable++) {
        for (int index = 0; index < kept_count; index++) {
            if (strncmp(*variable, kept[index], strlen(kept[index])) == 0) {
                environment[count++] = *variable;
                break;
            }
        }
    }
    const char *library = find_library();
    if (library != NULL) {
        snprintf(preload, sizeof preload, PRELOAD "%s", library);
        environment[count++] = preload;
    }
    char *arguments[] = {"runnel: jq evaluator", NULL};

    int ends[2];
    problem = open_channel(ends);
    if (problem != 0) return problem;
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    problem = nowhere < 0 ? errno : runnel_set_nonblocking(ends[0]);
    if (problem == 0) {
        struct runnel_spawn_request request = {
            .path = path,
            .arguments = arguments,
            .environment = environment,
            .directory = "/",
            .input = ends[1],
            .output = ends[1],
            .error = nowhere,
            .guardian = -1,
            .dies_with_thread = true,
        };
        problem = runnel_spawn(&request, child);
        if (problem < 0) problem = -problem;
    }
    if (nowhere >= 0) close(nowhere);
    close(ends[1]);
    if (problem != 0) {
        close(ends[0]);
        return problem;
    }
    *channel = ends[0];
    return 0;
}

int runnel_jq_identity(uint64_t *size, uint64_t *changed) {
    Dl_info library;
    struct stat facts;
    if (dladdr((void *)jq_init, &library) == 0 || library.dli_fname == NULL) return -1;
    if (stat(library.dli_fname, &facts) != 0) return -1;
    *size = (uint64_t)facts.st_size;
    *changed = (uint64_t)facts.st_mtime;
    return 0;
}
