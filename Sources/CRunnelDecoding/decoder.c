#include "runnel_decoding.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

// MARK: - Libraries that may be missing

// The parts of brotli/decode.h and zstd.h that are used. Both interfaces are stable within their major version, which
// the name of the library carries.
enum { BROTLI_ERROR = 0, BROTLI_SUCCESS = 1 };
struct zstd_input {
    const void *bytes;
    size_t size, position;
};
struct zstd_output {
    void *bytes;
    size_t size, position;
};
enum { ZSTD_WINDOW_LOG_MAX = 100 };
// RFC 9659: a decoder of the web need not accept larger windows than 8 MiB.
enum { ZSTD_LARGEST_WINDOW_LOG = 23 };

static struct {
    void *(*open)(void *, void *, void *);
    int (*step)(void *, size_t *, const uint8_t **, size_t *, uint8_t **, size_t *);
    void (*close)(void *);
} brotli;

static struct {
    void *(*open)(void);
    size_t (*set)(void *, int, int);
    size_t (*step)(void *, struct zstd_output *, struct zstd_input *);
    unsigned (*is_error)(size_t);
    size_t (*close)(void *);
} zstd;

static void *library(const char *const names[]) {
    for (; *names != NULL; names++) {
        void *handle = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
        if (handle != NULL) return handle;
    }
    return NULL;
}

// A function pointer, which C does not convert from `void *`. False when the library has no such function.
static bool find(void *handle, const char *name, void *function) {
    void *symbol = dlsym(handle, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static void load(void) {
    static const char *const brotli_names[] = {
        "libbrotlidec.so.1", "/opt/homebrew/lib/libbrotlidec.1.dylib", "/usr/local/lib/libbrotlidec.1.dylib", NULL};
    void *handle = library(brotli_names);
    if (handle != NULL
        && !(find(handle, "BrotliDecoderCreateInstance", &brotli.open)
             && find(handle, "BrotliDecoderDecompressStream", &brotli.step)
             && find(handle, "BrotliDecoderDestroyInstance", &brotli.close))) {
        brotli.open = NULL;
    }
    static const char *const zstd_names[] = {
        "libzstd.so.1", "/opt/homebrew/lib/libzstd.1.dylib", "/usr/local/lib/libzstd.1.dylib", NULL};
    handle = library(zstd_names);
    if (handle != NULL
        && !(find(handle, "ZSTD_createDCtx", &zstd.open) && find(handle, "ZSTD_DCtx_setParameter", &zstd.set)
             && find(handle, "ZSTD_decompressStream", &zstd.step) && find(handle, "ZSTD_isError", &zstd.is_error)
             && find(handle, "ZSTD_freeDCtx", &zstd.close))) {
        zstd.open = NULL;
    }
}

int runnel_coding_is_available(enum runnel_coding coding) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (coding == RUNNEL_GZIP || coding == RUNNEL_DEFLATE) return true;
    pthread_once(&once, load);
    return coding == RUNNEL_BROTLI ? brotli.open != NULL : zstd.open != NULL;
}

// MARK: - Decoding

struct runnel_decoder {
    enum runnel_coding coding;
    z_stream zlib;
    bool has_zlib;
    // The first two bytes tell zlib's format from bare deflate, which many servers send under the same name.
    uint8_t head[2];
    size_t head_count, head_used;
    bool has_begun;
    void *library;
};

struct runnel_decoder *runnel_decoder_open(enum runnel_coding coding) {
    if (!runnel_coding_is_available(coding)) return NULL;
    struct runnel_decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL) return NULL;
    decoder->coding = coding;
    bool is_open = true;
    switch (coding) {
    case RUNNEL_GZIP: is_open = decoder->has_zlib = inflateInit2(&decoder->zlib, 15 + 16) == Z_OK; break;
    case RUNNEL_DEFLATE: break;
    case RUNNEL_BROTLI: is_open = (decoder->library = brotli.open(NULL, NULL, NULL)) != NULL; break;
    case RUNNEL_ZSTD:
        is_open = (decoder->library = zstd.open()) != NULL
                  && !zstd.is_error(zstd.set(decoder->library, ZSTD_WINDOW_LOG_MAX, ZSTD_LARGEST_WINDOW_LOG));
        break;
    }
    if (is_open) return decoder;
    runnel_decoder_close(decoder);
    return NULL;
}

void runnel_decoder_close(struct runnel_decoder *decoder) {
    if (decoder == NULL) return;
    if (decoder->has_zlib) inflateEnd(&decoder->zlib);
    if (decoder->library != NULL) {
        if (decoder->coding == RUNNEL_BROTLI) brotli.close(decoder->library);
        else zstd.close(decoder->library);
    }
    free(decoder);
}

static uInt clamped(size_t count) { return count > UINT_MAX ? UINT_MAX : (uInt)count; }

static enum runnel_decode inflate_some(
    struct runnel_decoder *decoder, const uint8_t **input, size_t *input_left, uint8_t **output, size_t *output_left) {
    z_stream *zlib = &decoder->zlib;
    uInt offered = clamped(*input_left), room = clamped(*output_left);
    zlib->next_in = (Bytef *)*input;
    zlib->avail_in = offered;
    zlib->next_out = *output;
    zlib->avail_out = room;
    int result = inflate(zlib, Z_NO_FLUSH);
    *input += offered - zlib->avail_in;
    *input_left -= offered - zlib->avail_in;
    *output += room - zlib->avail_out;
    *output_left -= room - zlib->avail_out;
    switch (result) {
    case Z_OK:
    // No progress was possible.
    case Z_BUF_ERROR: return RUNNEL_DECODE_MORE;
    case Z_STREAM_END:
        // A gzip file may consist of several members (RFC 1952, section 2.2).
        if (decoder->coding == RUNNEL_GZIP && *input_left > 0 && **input == 0x1F) {
            return inflateReset(zlib) == Z_OK ? RUNNEL_DECODE_MORE : RUNNEL_DECODE_CORRUPT;
        }
        return RUNNEL_DECODE_END;
    default: return RUNNEL_DECODE_CORRUPT;
    }
}

static enum runnel_decode deflate_step(
    struct runnel_decoder *decoder, const uint8_t **input, size_t *input_left, uint8_t **output, size_t *output_left) {
    while (decoder->head_count < sizeof decoder->head && *input_left > 0) {
        decoder->head[decoder->head_count++] = *(*input)++;
        (*input_left)--;
    }
    if (decoder->head_count < sizeof decoder->head) return RUNNEL_DECODE_MORE;
    if (!decoder->has_zlib) {
        unsigned both = (unsigned)decoder->head[0] << 8 | decoder->head[1];
        bool is_wrapped = (decoder->head[0] & 0x0F) == 8 && both % 31 == 0;
        decoder->has_zlib = inflateInit2(&decoder->zlib, is_wrapped ? 15 : -15) == Z_OK;
        if (!decoder->has_zlib) return RUNNEL_DECODE_CORRUPT;
    }
    while (decoder->head_used < decoder->head_count) {
        const uint8_t *head = decoder->head + decoder->head_used;
        size_t left = decoder->head_count - decoder->head_used, before = left;
        enum runnel_decode result = inflate_some(decoder, &head, &left, output, output_left);
        decoder->head_used += before - left;
        if (result != RUNNEL_DECODE_MORE || left == before) return result;
    }
    return inflate_some(decoder, input, input_left, output, output_left);
}

enum runnel_decode runnel_decoder_step(
    struct runnel_decoder *decoder, const uint8_t **input, size_t *input_left, uint8_t **output, size_t *output_left) {
    switch (decoder->coding) {
    case RUNNEL_GZIP: return inflate_some(decoder, input, input_left, output, output_left);
    case RUNNEL_DEFLATE: return deflate_step(decoder, input, input_left, output, output_left);
    case RUNNEL_BROTLI: {
        int result = brotli.step(decoder->library, input_left, input, output_left, output, NULL);
        if (result == BROTLI_ERROR) return RUNNEL_DECODE_CORRUPT;
        return result == BROTLI_SUCCESS ? RUNNEL_DECODE_END : RUNNEL_DECODE_MORE;
    }
    case RUNNEL_ZSTD: {
        struct zstd_input from = {*input, *input_left, 0};
        struct zstd_output to = {*output, *output_left, 0};
        size_t result = zstd.step(decoder->library, &to, &from);
        *input += from.position;
        *input_left -= from.position;
        *output += to.position;
        *output_left -= to.position;
        if (zstd.is_error(result)) return RUNNEL_DECODE_CORRUPT;
        // 0: a frame is complete; another may follow.
        return result == 0 && *input_left == 0 ? RUNNEL_DECODE_END : RUNNEL_DECODE_MORE;
    }
    }
    return RUNNEL_DECODE_CORRUPT;
}
