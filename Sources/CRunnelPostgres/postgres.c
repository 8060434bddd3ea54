#include "runnel_postgres.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static rpq_connection *(*PQconnectStartParams)(const char *const *keywords, const char *const *values, int expands);
static int (*PQconnectPoll)(rpq_connection *connection);
static int (*PQstatus)(const rpq_connection *connection);
static char *(*PQerrorMessage)(const rpq_connection *connection);
static void (*PQfinish)(rpq_connection *connection);
static int (*PQsocket)(const rpq_connection *connection);
static int (*PQsetnonblocking)(rpq_connection *connection, int value);
static int (*PQbackendPID)(const rpq_connection *connection);
static int (*PQserverVersion)(const rpq_connection *connection);
static int (*PQtransactionStatus)(const rpq_connection *connection);
static int (*PQenterPipelineMode)(rpq_connection *connection);
static int (*PQpipelineSync)(rpq_connection *connection);
static int (*PQsendPrepare)(rpq_connection *connection, const char *name, const char *query, int count, const unsigned *types);
static int (*PQsendQueryPrepared)(rpq_connection *connection, const char *name, int count, const char *const *values, const int *lengths, const int *formats, int result_format);
static int (*PQsendQueryParams)(rpq_connection *connection, const char *query, int count, const unsigned *types, const char *const *values, const int *lengths, const int *formats, int result_format);
static int (*PQflush)(rpq_connection *connection);
static int (*PQconsumeInput)(rpq_connection *connection);
static int (*PQisBusy)(rpq_connection *connection);
static rpq_result *(*PQgetResult)(rpq_connection *connection);
static int (*PQresultStatus)(const rpq_result *result);
static char *(*PQresultErrorField)(const rpq_result *result, int field);
static int (*PQntuples)(const rpq_result *result);
static int (*PQnfields)(const rpq_result *result);
static char *(*PQgetvalue)(const rpq_result *result, int row, int column);
static int (*PQgetlength)(const rpq_result *result, int row, int column);
static int (*PQgetisnull)(const rpq_result *result, int row, int column);
static char *(*PQcmdTuples)(rpq_result *result);
static void (*PQclear)(rpq_result *result);
static struct rpq_notification *(*PQnotifies)(rpq_connection *connection);
static void (*PQfreemem)(void *memory);
static rpq_cancel *(*PQgetCancel)(rpq_connection *connection);
static int (*PQcancel)(rpq_cancel *cancel, char *error, int size);
static void (*PQfreeCancel)(rpq_cancel *cancel);
static struct rpq_option *(*PQconninfoParse)(const char *text, char **error);
static void (*PQconninfoFree)(struct rpq_option *options);
static int (*PQsetErrorVerbosity)(rpq_connection *connection, int verbosity);
static void *(*PQsetNoticeReceiver)(rpq_connection *connection, void (*receiver)(void *, const rpq_result *), void *);

static enum rpq_loading loading;

// A function pointer, which C does not convert from `void *`. False when the library has no such function.
static bool find(void *handle, const char *name, void *function) {
    void *symbol = dlsym(handle, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static void load(void) {
    static const char *const names[] = {
        "libpq.so.5", "/opt/homebrew/opt/libpq/lib/libpq.5.dylib", "/usr/local/opt/libpq/lib/libpq.5.dylib",
        "/opt/homebrew/lib/libpq.5.dylib", "/usr/local/lib/libpq.5.dylib", NULL};
    void *handle = NULL;
    for (const char *const *name = names; *name != NULL && handle == NULL; name++) {
        handle = dlopen(*name, RTLD_NOW | RTLD_LOCAL);
    }
    if (handle == NULL) {
        loading = RPQ_MISSING;
        return;
    }
#define FIND(name) find(handle, #name, &name)
    // Pipeline mode exists since version 14.
    bool is_complete = FIND(PQsetNoticeReceiver)
                       && FIND(PQsetErrorVerbosity)
                       && FIND(PQconnectStartParams)
                       && FIND(PQconnectPoll)
                       && FIND(PQstatus)
                       && FIND(PQerrorMessage)
                       && FIND(PQfinish)
                       && FIND(PQsocket)
                       && FIND(PQsetnonblocking)
                       && FIND(PQbackendPID)
                       && FIND(PQserverVersion)
                       && FIND(PQtransactionStatus)
                       && FIND(PQenterPipelineMode)
                       && FIND(PQpipelineSync)
                       && FIND(PQsendPrepare)
                       && FIND(PQsendQueryPrepared)
                       && FIND(PQsendQueryParams)
                       && FIND(PQflush)
                       && FIND(PQconsumeInput)
                       && FIND(PQisBusy)
                       && FIND(PQgetResult)
                       && FIND(PQresultStatus)
                       && FIND(PQresultErrorField)
                       && FIND(PQntuples)
                       && FIND(PQnfields)
                       && FIND(PQgetvalue)
                       && FIND(PQgetlength)
                       && FIND(PQgetisnull)
                       && FIND(PQcmdTuples)
                       && FIND(PQclear)
                       && FIND(PQnotifies)
                       && FIND(PQfreemem)
                       && FIND(PQgetCancel)
                       && FIND(PQcancel)
                       && FIND(PQfreeCancel)
                       && FIND(PQconninfoParse)
                       && FIND(PQconninfoFree);
#undef FIND
    loading = is_complete ? RPQ_LOADED : RPQ_TOO_OLD;
}

enum rpq_loading rpq_load(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return loading;
}

static void drop(void *context, const rpq_result *result) {
    (void)context;
    (void)result;
}

void rpq_silence(rpq_connection *connection) { PQsetNoticeReceiver(connection, drop, NULL); }

void rpq_name_states(rpq_connection *connection) {
    enum { verbose = 2 };
    PQsetErrorVerbosity(connection, verbose);
}

rpq_connection *rpq_PQconnectStartParams(
    const char *const *keywords, const char *const *values, int expands) {
    return PQconnectStartParams(keywords, values, expands);
}
int rpq_PQconnectPoll(rpq_connection *connection) { return PQconnectPoll(connection); }
int rpq_PQstatus(const rpq_connection *connection) { return PQstatus(connection); }
char *rpq_PQerrorMessage(const rpq_connection *connection) { return PQerrorMessage(connection); }
void rpq_PQfinish(rpq_connection *connection) { PQfinish(connection); }
int rpq_PQsocket(const rpq_connection *connection) { return PQsocket(connection); }
int rpq_PQsetnonblocking(rpq_connection *connection, int value) { return PQsetnonblocking(connection, value); }
int rpq_PQbackendPID(const rpq_connection *connection) { return PQbackendPID(connection); }
int rpq_PQserverVersion(const rpq_connection *connection) { return PQserverVersion(connection); }
int rpq_PQtransactionStatus(const rpq_connection *connection) { return PQtransactionStatus(connection); }
int rpq_PQenterPipelineMode(rpq_connection *connection) { return PQenterPipelineMode(connection); }
int rpq_PQpipelineSync(rpq_connection *connection) { return PQpipelineSync(connection); }
int rpq_PQsendPrepare(
    rpq_connection *connection, const char *name, const char *query, int count, const unsigned *types) {
    return PQsendPrepare(connection, name, query, count, types);
}
int rpq_PQsendQueryPrepared(
    rpq_connection *connection, const char *name, int count, const char *const *values, const int *lengths, const
    int *formats, int result_format) {
    return PQsendQueryPrepared(connection, name, count, values, lengths, formats, result_format);
}
int rpq_PQsendQueryParams(
    rpq_connection *connection, const char *query, int count, const unsigned *types, const char *const *values,
    const int *lengths, const int *formats, int result_format) {
    return PQsendQueryParams(connection, query, count, types, values, lengths, formats, result_format);
}
int rpq_PQflush(rpq_connection *connection) { return PQflush(connection); }
int rpq_PQconsumeInput(rpq_connection *connection) { return PQconsumeInput(connection); }
int rpq_PQisBusy(rpq_connection *connection) { return PQisBusy(connection); }
rpq_result *rpq_PQgetResult(rpq_connection *connection) { return PQgetResult(connection); }
int rpq_PQresultStatus(const rpq_result *result) { return PQresultStatus(result); }
char *rpq_PQresultErrorField(const rpq_result *result, int field) { return PQresultErrorField(result, field); }
int rpq_PQntuples(const rpq_result *result) { return PQntuples(result); }
int rpq_PQnfields(const rpq_result *result) { return PQnfields(result); }
char *rpq_PQgetvalue(const rpq_result *result, int row, int column) { return PQgetvalue(result, row, column); }
int rpq_PQgetlength(const rpq_result *result, int row, int column) { return PQgetlength(result, row, column); }
int rpq_PQgetisnull(const rpq_result *result, int row, int column) { return PQgetisnull(result, row, column); }
char *rpq_PQcmdTuples(rpq_result *result) { return PQcmdTuples(result); }
void rpq_PQclear(rpq_result *result) { PQclear(result); }
struct rpq_notification *rpq_PQnotifies(rpq_connection *connection) { return PQnotifies(connection); }
void rpq_PQfreemem(void *memory) { PQfreemem(memory); }
rpq_cancel *rpq_PQgetCancel(rpq_connection *connection) { return PQgetCancel(connection); }
int rpq_PQcancel(rpq_cancel *cancel, char *error, int size) { return PQcancel(cancel, error, size); }
void rpq_PQfreeCancel(rpq_cancel *cancel) { PQfreeCancel(cancel); }
struct rpq_option *rpq_PQconninfoParse(const char *text, char **error) { return PQconninfoParse(text, error); }
void rpq_PQconninfoFree(struct rpq_option *options) { PQconninfoFree(options); }
