// Evaluates jq programs, and parses HTML, in a child process: libjq aborts on some values, overflows its stack and exhausts
// memory; a hostile page makes gumbo take time and memory without end.
//
// The child is this executable once more. A constructor in evaluator.c finds a marker in the environment, serves
// requests on standard input and ends with `_exit`, so that `main` is never reached.
#ifndef RUNNEL_JQ_H
#define RUNNEL_JQ_H

#include <stdint.h>
#include <sys/types.h>

/// What a child may allocate, in bytes, beyond what it holds when it begins (RLIMIT_AS; Linux only).
#define RUNNEL_JQ_MEMORY (768L << 20)
/// The stack, in bytes: libjq frees, compares and prints nested values by recursion.
#define RUNNEL_JQ_STACK (256L << 20)
/// How many compiled programs a child keeps; the least recently used one makes room.
#define RUNNEL_JQ_PROGRAMS 64
/// How many seconds of CPU time compiling a program may take.
#define RUNNEL_JQ_COMPILE_SECONDS 10

/// With which status a child ends by itself.
enum runnel_jq_exit { RUNNEL_JQ_DONE = 0, RUNNEL_JQ_OUT_OF_MEMORY = 70, RUNNEL_JQ_BAD_REQUEST = 71 };

/// What a request asks for.
enum runnel_jq_kind {
    /// To evaluate a jq program.
    RUNNEL_JQ_PROGRAM = 0,
    /// To parse the input, a string, as HTML. The program is empty. The output is a string, in which elements are marked
    /// by `enum runnel_html_mark`.
    RUNNEL_JQ_HTML = 1,
};

/// What is not text in the answer to ``RUNNEL_JQ_HTML``.
enum runnel_html_mark {
    /// The name of an element follows.
    RUNNEL_HTML_OPEN = 1,
    /// The contents of the element follow.
    RUNNEL_HTML_BEGIN = 2,
    /// The contents of the innermost element end.
    RUNNEL_HTML_CLOSE = 3,
    /// An attribute of the element follows: `name=value`.
    RUNNEL_HTML_ATTRIBUTE = 4,
};

/// A request begins with this. Then come the program, as UTF-8, and a value when there is an input.
///
/// Integers are in the byte order of the machine. A value is a tag and what the tag says.
struct runnel_jq_request {
    uint32_t program_length;
    /// 0: the program is compiled only.
    uint32_t has_input;
    /// CPU time of the evaluation, compiling not included; SIGPROF ends the child when it is used up.
    uint64_t cpu_microseconds;
    /// Limits of what the program makes, over all its outputs.
    uint64_t text;
    uint32_t outputs;
    uint32_t values;
    uint32_t depth;
    /// `enum runnel_jq_kind`.
    uint32_t kind;
};

/// An answer is a sequence of frames, each of which begins with this. Their contents, joined, are values.
struct runnel_jq_frame {
    uint32_t length;
    /// `enum runnel_jq_end`.
    uint32_t end;
    /// In the last frame: how much the child holds resident, in KiB.
    uint32_t memory;
};

/// How an answer ends, and what its values are.
enum runnel_jq_end {
    /// More frames follow.
    RUNNEL_JQ_MORE = 0,
    /// The outputs; none when the program was compiled only.
    RUNNEL_JQ_COMPLETE = 1,
    /// The outputs, and then what the program raised.
    RUNNEL_JQ_RAISED = 2,
    /// The list of what libjq says is wrong with the program.
    RUNNEL_JQ_NOT_COMPILED = 3,
    /// The program makes more than it may. The values are of no use, and may end in the middle of one.
    RUNNEL_JQ_TOO_MANY_OUTPUTS = 4,
    RUNNEL_JQ_TOO_MANY_VALUES = 5,
    RUNNEL_JQ_TOO_MUCH_TEXT = 6,
    RUNNEL_JQ_TOO_DEEP = 7,
};

/// What a value begins with.
enum runnel_jq_tag {
    RUNNEL_JQ_NULL = 0,
    RUNNEL_JQ_FALSE = 1,
    RUNNEL_JQ_TRUE = 2,
    /// A double.
    RUNNEL_JQ_NUMBER = 3,
    /// The length in bytes as uint32_t, then UTF-8.
    RUNNEL_JQ_STRING = 4,
    /// The count as uint32_t, then so many values.
    RUNNEL_JQ_ARRAY = 5,
    /// The count as uint32_t, then so many pairs of a string and a value.
    RUNNEL_JQ_OBJECT = 6,
};

/// Starts a child. It ends when the channel is closed, and on Linux with the calling thread.
/// - Parameter channel: A stream socket that does not block, for requests and answers.
/// - Returns: 0 or an errno.
int runnel_jq_start(pid_t *child, int *channel);

/// Two numbers that tell the libjq that is loaded from others: the size of its file and when that was changed.
/// - Returns: 0, or -1 where its file is not known.
int runnel_jq_identity(uint64_t *size, uint64_t *changed);

#endif
