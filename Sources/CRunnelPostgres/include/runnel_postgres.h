// libpq, PostgreSQL's client library, loaded when it is first used: a user of SQLite needs no library and starts as fast
// as without it. Each function is libpq's of the same name after `rpq_`.
#ifndef RUNNEL_POSTGRES_H
#define RUNNEL_POSTGRES_H

#include <stddef.h>

typedef struct pg_conn rpq_connection;
typedef struct pg_result rpq_result;
typedef struct pg_cancel rpq_cancel;

// The parts of libpq-fe.h that are used. The interface is stable within the major version, which the library's name
// carries.
enum rpq_status { RPQ_CONNECTION_OK = 0, RPQ_CONNECTION_BAD = 1 };
enum rpq_polling { RPQ_POLLING_FAILED = 0, RPQ_POLLING_READING = 1, RPQ_POLLING_WRITING = 2, RPQ_POLLING_OK = 3 };
enum rpq_result_status {
    RPQ_COMMAND_OK = 1,
    RPQ_TUPLES_OK = 2,
    RPQ_PIPELINE_SYNC = 10,
    RPQ_PIPELINE_ABORTED = 11
};
enum rpq_transaction { RPQ_TRANSACTION_IDLE = 0 };
/// The field of an error that holds its SQLSTATE, and that of its message.
enum { RPQ_FIELD_SQLSTATE = 'C', RPQ_FIELD_MESSAGE = 'M' };

struct rpq_notification {
    char *channel;
    int process;
    char *payload;
    struct rpq_notification *next;
};

struct rpq_option {
    char *keyword;
    char *variable;
    char *compiled;
    char *value;
    char *label;
    char *kind;
    int size;
};

enum rpq_loading { RPQ_LOADED = 0, RPQ_MISSING = 1, RPQ_TOO_OLD = 2 };

/// Loads the library once. No other function may be called before this has returned `RPQ_LOADED`.
enum rpq_loading rpq_load(void);

rpq_connection *rpq_PQconnectStartParams(const char *const *keywords, const char *const *values, int expands);
int rpq_PQconnectPoll(rpq_connection *connection);
int rpq_PQstatus(const rpq_connection *connection);
char *rpq_PQerrorMessage(const rpq_connection *connection);
void rpq_PQfinish(rpq_connection *connection);
int rpq_PQsocket(const rpq_connection *connection);
int rpq_PQsetnonblocking(rpq_connection *connection, int value);
int rpq_PQbackendPID(const rpq_connection *connection);
int rpq_PQserverVersion(const rpq_connection *connection);
int rpq_PQtransactionStatus(const rpq_connection *connection);
int rpq_PQenterPipelineMode(rpq_connection *connection);
int rpq_PQpipelineSync(rpq_connection *connection);
int rpq_PQsendPrepare(
    rpq_connection *connection, const char *name, const char *query, int count, const unsigned *types);
int rpq_PQsendQueryPrepared(
    rpq_connection *connection, const char *name, int count, const char *const *values, const int *lengths,
    const int *formats, int result_format);
int rpq_PQsendQueryParams(
    rpq_connection *connection, const char *query, int count, const unsigned *types, const char *const *values,
    const int *lengths, const int *formats, int result_format);
int rpq_PQflush(rpq_connection *connection);
int rpq_PQconsumeInput(rpq_connection *connection);
int rpq_PQisBusy(rpq_connection *connection);
rpq_result *rpq_PQgetResult(rpq_connection *connection);
int rpq_PQresultStatus(const rpq_result *result);
char *rpq_PQresultErrorField(const rpq_result *result, int field);
int rpq_PQntuples(const rpq_result *result);
int rpq_PQnfields(const rpq_result *result);
char *rpq_PQgetvalue(const rpq_result *result, int row, int column);
int rpq_PQgetlength(const rpq_result *result, int row, int column);
int rpq_PQgetisnull(const rpq_result *result, int row, int column);
char *rpq_PQcmdTuples(rpq_result *result);
void rpq_PQclear(rpq_result *result);
struct rpq_notification *rpq_PQnotifies(rpq_connection *connection);
void rpq_PQfreemem(void *memory);
rpq_cancel *rpq_PQgetCancel(rpq_connection *connection);
int rpq_PQcancel(rpq_cancel *cancel, char *error, int size);
void rpq_PQfreeCancel(rpq_cancel *cancel);
struct rpq_option *rpq_PQconninfoParse(const char *text, char **error);
void rpq_PQconninfoFree(struct rpq_option *options);

/// Drops the notices of the server, which libpq prints to standard error otherwise.
void rpq_silence(rpq_connection *connection);

/// Adds the SQLSTATE to error messages (`FATAL:  28P01: …`), and a line `LOCATION:  …` at the end.
void rpq_name_states(rpq_connection *connection);

#endif
