// Preloaded into a server: lets writes and syncs of files below $FAULT_FOLDER fail while the file $FAULT_CONTROL is there.
//
// The control file holds the errno, what fails (`sync` or `all`) and how many calls fail (0: all of them).
// Where $FAULT_SYNCS names a file, the paths of all that is synced are appended to it.
// cc -shared -fPIC -O1 -o fault.so fault.c -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ino_t seen;
static struct timespec seen_at;
static int number, only_sync, count, failed;

static ssize_t path_of(int descriptor, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, size - 1);
    if (length >= 0) path[length] = 0;
    return length;
}

static int is_below(int descriptor) {
    const char *folder = getenv("FAULT_FOLDER");
    char path[4096];
    if (!folder || path_of(descriptor, path, sizeof path) < 0) return 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

static void note(int descriptor) {
    const char *log = getenv("FAULT_SYNCS");
    char path[4096];
    ssize_t length = log ? path_of(descriptor, path, sizeof path) : -1;
    if (length < 0) return;
    path[length] = '\n';
    int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) return;
    ssize_t written = write(file, path, length + 1);
    (void)written;
    close(file);
}

static int fails(int descriptor, int is_sync) {
    const char *control = getenv("FAULT_CONTROL");
    struct stat info;
    if (!control || stat(control, &info) != 0 || !is_below(descriptor)) return 0;
    int result = 0;
    pthread_mutex_lock(&lock);
    if (info.st_ino != seen || info.st_mtim.tv_sec != seen_at.tv_sec || info.st_mtim.tv_nsec != seen_at.tv_nsec) {
        char what[16] = "";
        FILE *file = fopen(control, "re");
        if (file) {
            if (fscanf(file, "%d %15s %d", &number, what, &count) != 3) number = 0;
            fclose(file);
        }
        only_sync = strcmp(what, "sync") == 0;
        failed = 0;
        seen = info.st_ino;
        seen_at = info.st_mtim;
    }
    if (number != 0 && (is_sync || !only_sync) && (count == 0 || failed < count)) {
        failed++;
        result = number;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

#define FORWARD(type, name, parameters, arguments, is_sync)               \
    type name parameters {                                                \
        static type(*next) parameters;                                    \
        if (!next) next = (type(*) parameters)dlsym(RTLD_NEXT, #name);    \
        if (is_sync) note(descriptor);                                    \
        int error = fails(descriptor, is_sync);                           \
        if (error) {                                                      \
            errno = error;                                                \
            return -1;                                                    \
        }                                                                 \
        return next arguments;                                            \
    }

FORWARD(int, fsync, (int descriptor), (descriptor), 1)
FORWARD(int, fdatasync, (int descriptor), (descriptor), 1)
FORWARD(int, ftruncate, (int descriptor, off_t size), (descriptor, size), 0)
FORWARD(int, ftruncate64, (int descriptor, off64_t size), (descriptor, size), 0)
FORWARD(ssize_t, write, (int descriptor, const void *bytes, size_t size), (descriptor, bytes, size), 0)
FORWARD(ssize_t, pwrite, (int descriptor, const void *bytes, size_t size, off_t at), (descriptor, bytes, size, at), 0)
FORWARD(ssize_t, pwrite64, (int descriptor, const void *bytes, size_t size, off64_t at), (descriptor, bytes, size, at), 0)
