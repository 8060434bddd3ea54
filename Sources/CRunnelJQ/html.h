#ifndef RUNNEL_HTML_H
#define RUNNEL_HTML_H

#include "runnel_jq.h"

#include <stddef.h>

// Parses a page. Returns what `RUNNEL_JQ_HTML` answers, which the caller frees; NULL for an empty page.
// - Parameter out_of_memory: Does not return.
char *runnel_html_events(const char *html, size_t length, size_t *count, void (*out_of_memory)(void *));

#endif
