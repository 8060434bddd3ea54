// Decompresses HTTP content codings and converts character encodings, with the system's libraries.
#ifndef RUNNEL_DECODING_H
#define RUNNEL_DECODING_H

#include <stddef.h>
#include <stdint.h>

/// The content codings of HTTP (RFC 9110, section 8.4.1; RFC 7932; RFC 8878).
enum runnel_coding { RUNNEL_GZIP = 0, RUNNEL_DEFLATE = 1, RUNNEL_BROTLI = 2, RUNNEL_ZSTD = 3 };

enum runnel_decode {
    /// The output is full, or more input is needed.
    RUNNEL_DECODE_MORE = 0,
    /// The compressed data is complete; what follows it is left in the input.
    RUNNEL_DECODE_END = 1,
    /// The input is not in this coding.
    RUNNEL_DECODE_CORRUPT = 2,
};

struct runnel_decoder;

/// Whether the coding can be decoded here. zlib is always there; libbrotlidec and libzstd are loaded where the system
/// has them.
int runnel_coding_is_available(enum runnel_coding coding);

/// NULL without memory, or for a coding that is not available.
struct runnel_decoder *runnel_decoder_open(enum runnel_coding coding);

/// Decodes from `*input` to `*output`; moves both and reduces both counts by what was used.
enum runnel_decode runnel_decoder_step(
    struct runnel_decoder *decoder, const uint8_t **input, size_t *input_left, uint8_t **output, size_t *output_left);

void runnel_decoder_close(struct runnel_decoder *decoder);

enum runnel_convert {
    RUNNEL_CONVERT_DONE = 0,
    /// The output is full.
    RUNNEL_CONVERT_FULL = 1,
    /// `*input` is at a sequence that means nothing in the encoding.
    RUNNEL_CONVERT_INVALID = 2,
    /// `*input` is at a sequence that the end of the input cuts off.
    RUNNEL_CONVERT_INCOMPLETE = 3,
};

struct runnel_converter;

/// Converts from the encoding to UTF-8. NULL if iconv does not know the encoding.
struct runnel_converter *runnel_converter_open(const char *encoding);

enum runnel_convert runnel_converter_step(
    struct runnel_converter *converter, const uint8_t **input, size_t *input_left, uint8_t **output,
    size_t *output_left);

void runnel_converter_close(struct runnel_converter *converter);

#endif
