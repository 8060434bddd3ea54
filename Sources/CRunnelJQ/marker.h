// What makes an executable that holds this target an evaluator: the first variable of its environment.
#ifndef RUNNEL_JQ_MARKER
#define RUNNEL_JQ_MARKER "RUNNEL_JQ_EVALUATOR=1"
#endif
