// jq.h is not self-contained: it expects the standard headers before it.
#include <stdio.h>
#include <stdbool.h>
#include <jv.h>
#include <jq.h>
