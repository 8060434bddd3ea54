#include "runnel_decoding.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

struct runnel_converter {
    iconv_t iconv;
};

struct runnel_converter *runnel_converter_open(const char *encoding) {
    iconv_t opened = iconv_open("UTF-8", encoding);
    if (opened == (iconv_t)-1) return NULL;
    struct runnel_converter *converter = malloc(sizeof *converter);
    if (converter == NULL) {
        iconv_close(opened);
        return NULL;
    }
    converter->iconv = opened;
    return converter;
}

enum runnel_convert runnel_converter_step(
    struct runnel_converter *converter, const uint8_t **input, size_t *input_left, uint8_t **output,
    size_t *output_left) {
    char *from = (char *)*input, *to = (char *)*output;
    size_t result = iconv(converter->iconv, &from, input_left, &to, output_left);
    // What iconv keeps back, such as a character that may combine with the next.
    if (result != (size_t)-1 && *input_left == 0) result = iconv(converter->iconv, NULL, NULL, &to, output_left);
    *input = (const uint8_t *)from;
    *output = (uint8_t *)to;
    if (result != (size_t)-1) return RUNNEL_CONVERT_DONE;
    switch (errno) {
    case E2BIG: return RUNNEL_CONVERT_FULL;
    case EINVAL: return RUNNEL_CONVERT_INCOMPLETE;
    default: return RUNNEL_CONVERT_INVALID;
    }
}

void runnel_converter_close(struct runnel_converter *converter) {
    if (converter == NULL) return;
    iconv_close(converter->iconv);
    free(converter);
}
