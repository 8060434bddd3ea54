// The child's side. It runs before `main`, uses C alone, and trusts no byte that it reads.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "html.h"
#include "marker.h"
#include "runnel_jq.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <jv.h>
// After jv.h, which it needs.
#include <jq.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

extern char **environ;

static struct runnel_jq_request request;
static int memory_file = -1;

// MARK: - Reading requests

static uint8_t input[64 << 10];
static size_t input_start, input_end;

// Exactly `count` bytes. The end of the channel is the end of the process.
static void take(void *bytes, size_t count) {
    uint8_t *place = bytes;
    while (count > 0) {
        if (input_start == input_end) {
            bool is_direct = count >= sizeof input;
            ssize_t got = read(STDIN_FILENO, is_direct ? place : input, is_direct ? count : sizeof input);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) _exit(RUNNEL_JQ_DONE);
            if (is_direct) {
                place += got;
                count -= (size_t)got;
                continue;
            }
            input_start = 0;
            input_end = (size_t)got;
        }
        size_t part = input_end - input_start < count ? input_end - input_start : count;
        memcpy(place, input + input_start, part);
        input_start += part;
        place += part;
        count -= part;
    }
}

static uint32_t take_count(void) {
    uint32_t count;
    take(&count, sizeof count);
    if (count > INT32_MAX) _exit(RUNNEL_JQ_BAD_REQUEST);
    return count;
}

static void out_of_memory(void *context) {
    (void)context;
    // libjq aborts when this returns.
    _exit(RUNNEL_JQ_OUT_OF_MEMORY);
}

static void *allocate(size_t size) {
    void *memory = malloc(size);
    if (memory == NULL) out_of_memory(NULL);
    return memory;
}

static jv take_string(void) {
    uint32_t length = take_count();
    char small[1024];
    char *bytes = length <= sizeof small ? small : allocate(length);
    take(bytes, length);
    jv string = jv_string_sized(bytes, (int)length);
    if (bytes != small) free(bytes);
    return string;
}

static jv take_value(void) {
    uint8_t tag;
    take(&tag, sizeof tag);
    switch (tag) {
    case RUNNEL_JQ_NULL: return jv_null();
    case RUNNEL_JQ_FALSE: return jv_false();
    case RUNNEL_JQ_TRUE: return jv_true();
    case RUNNEL_JQ_NUMBER: {
        double number;
        take(&number, sizeof number);
        return jv_number(number);
    }
    case RUNNEL_JQ_STRING: return take_string();
    case RUNNEL_JQ_ARRAY: {
        jv list = jv_array();
        for (uint32_t left = take_count(); left > 0; left--) list = jv_array_append(list, take_value());
        return list;
    }
    case RUNNEL_JQ_OBJECT: {
        jv object = jv_object();
        for (uint32_t left = take_count(); left > 0; left--) {
            jv key = take_value();
            if (jv_get_kind(key) != JV_KIND_STRING) _exit(RUNNEL_JQ_BAD_REQUEST);
            object = jv_object_set(object, key, take_value());
        }
        return object;
    }
    default: _exit(RUNNEL_JQ_BAD_REQUEST);
    }
}

// MARK: - Writing answers

static uint8_t output[64 << 10];
static const size_t output_start = sizeof(struct runnel_jq_frame);
static size_t output_end = sizeof(struct runnel_jq_frame);

// How the answer ends, unless it is too much.
static enum runnel_jq_end answer_end;

static void flush(enum runnel_jq_end end, uint32_t memory) {
    struct runnel_jq_frame frame = {.length = (uint32_t)(output_end - output_start), .end = end, .memory = memory};
    memcpy(output, &frame, sizeof frame);
    for (size_t start = 0; start < output_end;) {
        ssize_t written = write(STDOUT_FILENO, output + start, output_end - start);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) _exit(RUNNEL_JQ_DONE);
        start += (size_t)written;
    }
    output_end = output_start;
}

static void put(const void *bytes, size_t count) {
    for (const uint8_t *place = bytes; count > 0;) {
        if (output_end == sizeof output) flush(RUNNEL_JQ_MORE, 0);
        size_t part = sizeof output - output_end < count ? sizeof output - output_end : count;
        memcpy(output + output_end, place, part);
        output_end += part;
        place += part;
        count -= part;
    }
}

static void put_tag(enum runnel_jq_tag tag) { put(&(uint8_t){(uint8_t)tag}, 1); }

static void put_count(int count) { put(&(uint32_t){(uint32_t)count}, sizeof(uint32_t)); }

// What the program may still make.
static uint64_t text_left;
static uint32_t values_left;

static bool is_too_much(enum runnel_jq_end end) {
    answer_end = end;
    return false;
}

// Consumes the string. False when it is too much.
static bool put_string(jv string) {
    int length = jv_string_length_bytes(jv_copy(string));
    bool fits = (uint64_t)length <= text_left || is_too_much(RUNNEL_JQ_TOO_MUCH_TEXT);
    if (fits) {
        text_left -= (uint64_t)length;
        put_tag(RUNNEL_JQ_STRING);
        put_count(length);
        put(jv_string_value(string), (size_t)length);
    }
    jv_free(string);
    return fits;
}

static bool put_value(jv value, uint32_t depth);

static bool put_items(jv list, uint32_t depth) {
    int count = jv_array_length(jv_copy(list));
    put_tag(RUNNEL_JQ_ARRAY);
    put_count(count);
    for (int index = 0; index < count; index++) {
        if (!put_value(jv_array_get(jv_copy(list), index), depth)) return false;
    }
    return true;
}

static bool put_members(jv object, uint32_t depth) {
    put_tag(RUNNEL_JQ_OBJECT);
    put_count(jv_object_length(jv_copy(object)));
    for (int place = jv_object_iter(object); jv_object_iter_valid(object, place);
         place = jv_object_iter_next(object, place)) {
        if (!put_string(jv_object_iter_key(object, place))) return false;
        if (!put_value(jv_object_iter_value(object, place), depth)) return false;
    }
    return true;
}

// Consumes the value, which counts as what it is when it is written out: in libjq a list may hold one large value many
// times over and take no room for it.
static bool put_value(jv value, uint32_t depth) {
    if (depth > request.depth || values_left == 0) {
        jv_free(value);
        return is_too_much(depth > request.depth ? RUNNEL_JQ_TOO_DEEP : RUNNEL_JQ_TOO_MANY_VALUES);
    }
    values_left--;
    bool is_complete = true;
    switch (jv_get_kind(value)) {
    case JV_KIND_FALSE: put_tag(RUNNEL_JQ_FALSE); break;
    case JV_KIND_TRUE: put_tag(RUNNEL_JQ_TRUE); break;
    case JV_KIND_NUMBER: {
        double number = jv_number_value(value);
        put_tag(RUNNEL_JQ_NUMBER);
        put(&number, sizeof number);
        break;
    }
    case JV_KIND_STRING: is_complete = put_string(jv_copy(value)); break;
    case JV_KIND_ARRAY: is_complete = put_items(value, depth + 1); break;
    case JV_KIND_OBJECT: is_complete = put_members(value, depth + 1); break;
    default: put_tag(RUNNEL_JQ_NULL);
    }
    jv_free(value);
    return is_complete;
}

// MARK: - Programs

static struct program {
    jq_state *jq;
    char *text;
    uint32_t length;
    uint64_t used;
} programs[RUNNEL_JQ_PROGRAMS];

static void limit_cpu(uint64_t microseconds) {
    struct itimerval timer = {
        .it_value = {.tv_sec = (time_t)(microseconds / 1000000), .tv_usec = (suseconds_t)(microseconds % 1000000)}};
    // Whatever the program does, SIGPROF ends the process when the time is over.
    setitimer(ITIMER_PROF, &timer, NULL);
}

static void collect_message(void *messages, jv message) {
    jv *list = messages;
    *list = jv_array_append(*list, message);
}

static void ignore_message(void *context, jv message) {
    (void)context;
    jv_free(message);
}

static jv no_input(jq_state *jq, void *context) {
    (void)jq;
    (void)context;
    return jv_invalid();
}

// NULL when the program is none; the answer says why then.
static jq_state *compile(const char *text) {
    jq_state *jq = jq_init();
    if (jq == NULL) out_of_memory(NULL);
    // libjq 1.6 leaves these as it finds them in memory.
    jq_set_nomem_handler(jq, out_of_memory, NULL);
    jq_set_input_cb(jq, no_input, NULL);
    jq_set_debug_cb(jq, ignore_message, NULL);
    // An empty list of folders, so that a module could not be found if one could be asked for.
    jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
    jv messages = jv_array();
    jq_set_error_cb(jq, collect_message, &messages);
    limit_cpu(RUNNEL_JQ_COMPILE_SECONDS * 1000000L);
    bool is_compiled = jq_compile(jq, text) != 0;
    limit_cpu(0);
    // Without a callback libjq writes to standard error.
    jq_set_error_cb(jq, ignore_message, NULL);
    if (is_compiled) {
        jv_free(messages);
        return jq;
    }
    jq_teardown(&jq);
    answer_end = RUNNEL_JQ_NOT_COMPILED;
    put_value(messages, 0);
    return NULL;
}

// Reads the program, and compiles it unless it is known. NULL when it is none; the answer says why then.
static jq_state *take_program(uint32_t length) {
    char *text = allocate((size_t)length + 1);
    take(text, length);
    text[length] = 0;
    static uint64_t uses;
    struct program *oldest = &programs[0];
    for (struct program *program = programs; program < programs + RUNNEL_JQ_PROGRAMS; program++) {
        if (program->jq != NULL && program->length == length && memcmp(program->text, text, length) == 0) {
            free(text);
            program->used = ++uses;
            return program->jq;
        }
        if (program->used < oldest->used) oldest = program;
    }
    jq_state *jq = compile(text);
    if (jq == NULL) {
        free(text);
        return NULL;
    }
    if (oldest->jq != NULL) jq_teardown(&oldest->jq);
    free(oldest->text);
    *oldest = (struct program){.jq = jq, .text = text, .length = length, .used = ++uses};
    return jq;
}

// MARK: - Serving

static void evaluate(jq_state *jq, jv value) {
    limit_cpu(request.cpu_microseconds > 0 ? request.cpu_microseconds : 1);
    // Frees what an earlier evaluation left that ended early.
    jq_start(jq, value, 0);
    for (uint32_t outputs = 0;; outputs++) {
        jv next = jq_next(jq);
        if (!jv_is_valid(next)) {
            if (jv_invalid_has_msg(jv_copy(next))) {
                answer_end = RUNNEL_JQ_RAISED;
                put_value(jv_invalid_get_msg(next), 0);
            } else {
                jv_free(next);
            }
            break;
        }
        if (outputs == request.outputs) {
            jv_free(next);
            is_too_much(RUNNEL_JQ_TOO_MANY_OUTPUTS);
            break;
        }
        if (!put_value(next, 0)) break;
    }
    limit_cpu(0);
}

static void parse_html(void) {
    uint8_t tag;
    if (request.program_length != 0 || !request.has_input) _exit(RUNNEL_JQ_BAD_REQUEST);
    take(&tag, sizeof tag);
    if (tag != RUNNEL_JQ_STRING) _exit(RUNNEL_JQ_BAD_REQUEST);
    uint32_t length = take_count();
    char *html = allocate((size_t)length + 1);
    take(html, length);
    limit_cpu(request.cpu_microseconds > 0 ? request.cpu_microseconds : 1);
    size_t count = 0;
    char *events = runnel_html_events(html, length, &count, out_of_memory);
    free(html);
    if (count > text_left || count > INT32_MAX) {
        is_too_much(RUNNEL_JQ_TOO_MUCH_TEXT);
    } else {
        put_tag(RUNNEL_JQ_STRING);
        put_count((int)count);
        put(events, count);
    }
    free(events);
    limit_cpu(0);
}

// The field of /proc/self/statm, in bytes: 0 the address space, 1 what is resident. 0 where the system does not say.
static size_t memory(int field) {
    char text[128];
    ssize_t length = memory_file < 0 ? -1 : pread(memory_file, text, sizeof text - 1, 0);
    if (length <= 0) return 0;
    text[length] = 0;
    unsigned long pages[2] = {0, 0};
    sscanf(text, "%lu %lu", &pages[0], &pages[1]);
    return pages[field] * (size_t)sysconf(_SC_PAGESIZE);
}

static void *serve(void *context) {
    (void)context;
    size_t own = memory(0);
    if (own > 0) setrlimit(RLIMIT_AS, &(struct rlimit){own + RUNNEL_JQ_MEMORY, own + RUNNEL_JQ_MEMORY});
    jv_nomem_handler(out_of_memory, NULL);
    for (;;) {
        take(&request, sizeof request);
        if (request.program_length > INT32_MAX) _exit(RUNNEL_JQ_BAD_REQUEST);
        text_left = request.text;
        values_left = request.values;
        answer_end = RUNNEL_JQ_COMPLETE;
        if (request.kind == RUNNEL_JQ_HTML) {
            parse_html();
            flush(answer_end, (uint32_t)(memory(1) >> 10));
            continue;
        }
        jq_state *jq = take_program(request.program_length);
        if (request.has_input) {
            // Read also when there is no program, since the next request comes behind it.
            jv value = take_value();
            if (jq != NULL) evaluate(jq, value);
            else jv_free(value);
        }
        flush(answer_end, (uint32_t)(memory(1) >> 10));
    }
    return NULL;
}

static void prepare(void) {
    // A fault ends the process at once. Swift's runtime has set handlers that would first look for its reason.
    const int faults[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    for (size_t index = 0; index < sizeof faults / sizeof *faults; index++) signal(faults[index], SIG_DFL);
    // The parent decides when to end, and then the channel does; a service manager asks all processes at once.
    const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    for (size_t index = 0; index < sizeof ignored / sizeof *ignored; index++) signal(ignored[index], SIG_IGN);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, 0});
#ifdef __linux__
    // When memory runs out, the kernel takes this process and not its parent.
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score >= 0) {
        if (write(score, "1000", 4) < 0) errno = 0;
        close(score);
    }
    memory_file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    prctl(PR_SET_NAME, "runnel-jq");
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    // No core files and no debuggers: what is evaluated may be secret.
    prctl(PR_SET_DUMPABLE, 0);
#endif
#ifdef __GLIBC__
    // One heap for all threads; each more would take address space.
    mallopt(M_ARENA_MAX, 1);
#endif
}

// Before other constructors of the executable, which the child does not need.
__attribute__((constructor(101))) static void become_evaluator(void) {
    if (environ == NULL || environ[0] == NULL || strcmp(environ[0], RUNNEL_JQ_MARKER) != 0) return;
    prepare();
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, RUNNEL_JQ_STACK);
    // A system that does not overcommit may grant a small stack only.
    if (pthread_create(&thread, &attributes, serve, NULL) != 0) {
        pthread_attr_setstacksize(&attributes, 64L << 20);
        if (pthread_create(&thread, &attributes, serve, NULL) != 0) _exit(RUNNEL_JQ_OUT_OF_MEMORY);
    }
    pthread_join(thread, NULL);
    _exit(RUNNEL_JQ_DONE);
}
