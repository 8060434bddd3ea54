// Swift does not import functions with a variable number of arguments.
#include "runnel_sqlite.h"

#include <sqlite3.h>

void runnel_sqlite_configure(void) { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
