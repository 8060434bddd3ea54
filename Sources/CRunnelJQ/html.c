// Parses HTML in the child: gumbo follows the HTML standard, and takes time and memory that a hostile page decides.
#include "html.h"

#include <gumbo.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Elements that are nested deeper stay in the text, but without their tags.
enum { maximum_depth = 256 };
// A tree that is deeper than this is not freed, since gumbo does so by recursion; the parent replaces a child that has
// become large.
enum { maximum_freed_depth = 100000 };
enum { maximum_attribute = 256 };

static const char *const kept_attributes[] = {"hidden", "aria-hidden", "style", "class", "id", "role", "open"};

struct text {
    char *bytes;
    size_t count, capacity;
    void (*out_of_memory)(void *);
};

static void append(struct text *text, const char *bytes, size_t count) {
    if (count == 0) return;
    if (text->capacity - text->count < count) {
        size_t capacity = text->capacity * 2 > text->count + count ? text->capacity * 2 : text->count + count + 65536;
        char *grown = realloc(text->bytes, capacity);
        if (grown == NULL) text->out_of_memory(NULL);
        text->bytes = grown;
        text->capacity = capacity;
    }
    memcpy(text->bytes + text->count, bytes, count);
    text->count += count;
}

// The text without the characters that mark elements.
static void append_plain(struct text *text, const char *bytes, size_t limit) {
    size_t count = strnlen(bytes, limit), start = 0;
    for (size_t index = 0; index < count; index++) {
        unsigned char byte = (unsigned char)bytes[index];
        if (byte >= 0x20 || byte == '\t' || byte == '\n' || byte == '\r') continue;
        append(text, bytes + start, index - start);
        append(text, " ", 1);
        start = index + 1;
    }
    append(text, bytes + start, count - start);
}

static void append_name(struct text *text, const GumboElement *element) {
    if (element->tag != GUMBO_TAG_UNKNOWN) {
        const char *name = gumbo_normalized_tagname(element->tag);
        return append(text, name, strlen(name));
    }
    GumboStringPiece name = element->original_tag;
    gumbo_tag_from_original_text(&name);
    char small[64];
    size_t count = name.data == NULL ? 0 : name.length < sizeof small - 1 ? name.length : sizeof small - 1;
    memcpy(small, name.data == NULL ? "" : name.data, count);
    small[count] = 0;
    for (size_t index = 0; index < count; index++) {
        if (small[index] >= 'A' && small[index] <= 'Z') small[index] |= 0x20;
    }
    append_plain(text, small, count);
}

static void open_element(struct text *text, const GumboElement *element) {
    append(text, (char[]){RUNNEL_HTML_OPEN}, 1);
    append_name(text, element);
    for (unsigned index = 0; index < element->attributes.length; index++) {
        const GumboAttribute *attribute = element->attributes.data[index];
        for (size_t kept = 0; kept < sizeof kept_attributes / sizeof *kept_attributes; kept++) {
            if (strcasecmp(attribute->name, kept_attributes[kept]) != 0) continue;
            append(text, (char[]){RUNNEL_HTML_ATTRIBUTE}, 1);
            append(text, kept_attributes[kept], strlen(kept_attributes[kept]));
            append(text, "=", 1);
            append_plain(text, attribute->value, maximum_attribute);
        }
    }
    append(text, (char[]){RUNNEL_HTML_BEGIN}, 1);
}

// The children of an element or template; NULL for other nodes.
static const GumboVector *children(const GumboNode *node) {
    switch (node->type) {
    case GUMBO_NODE_DOCUMENT: return &node->v.document.children;
    case GUMBO_NODE_ELEMENT:
    case GUMBO_NODE_TEMPLATE: return &node->v.element.children;
    default: return NULL;
    }
}

static bool is_element(const GumboNode *node) {
    return node->type == GUMBO_NODE_ELEMENT || node->type == GUMBO_NODE_TEMPLATE;
}

// Writes the tree in the order of the document, without recursion. Returns its depth.
static size_t write_tree(struct text *text, const GumboNode *root) {
    size_t depth = 0, deepest = 0;
    const GumboNode *node = root;
    while (node != NULL) {
        if (is_element(node)) {
            if (++depth > deepest) deepest = depth;
            if (depth <= maximum_depth) open_element(text, &node->v.element);
        } else if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_WHITESPACE || node->type == GUMBO_NODE_CDATA) {
            append_plain(text, node->v.text.text, SIZE_MAX);
        }
        const GumboVector *below = children(node);
        if (below != NULL && below->length > 0) {
            node = below->data[0];
            continue;
        }
        // Upwards to the next node that has one behind it.
        while (true) {
            if (is_element(node) && depth-- <= maximum_depth) append(text, (char[]){RUNNEL_HTML_CLOSE}, 1);
            const GumboNode *parent = node == root ? NULL : node->parent;
            if (parent == NULL) return deepest;
            const GumboVector *siblings = children(parent);
            size_t next = node->index_within_parent + 1;
            if (siblings != NULL && next < siblings->length) {
                node = siblings->data[next];
                break;
            }
            node = parent;
        }
    }
    return deepest;
}

static void *allocate(void *context, size_t size) {
    void *memory = malloc(size);
    if (memory == NULL) ((void (*)(void *))context)(NULL);
    return memory;
}

static void deallocate(void *context, void *memory) {
    (void)context;
    free(memory);
}

// gumbo 0.10 closes a form before it adds the text in front of `</form>`, which then stands behind the form. A void element
// without a meaning makes it add the text in time. Returns a copy, or NULL where there is no `</form>`.
static char *with_flushed_forms(const char *html, size_t length, size_t *count, void (*out_of_memory)(void *)) {
    static const char end_tag[] = "</form", mark[] = "<wbr>";
    enum { end_tag_length = sizeof end_tag - 1, mark_length = sizeof mark - 1 };
    struct text text = {.out_of_memory = out_of_memory};
    size_t start = 0;
    for (size_t index = 0; index + end_tag_length <= length; index++) {
        if (html[index] != '<' || strncasecmp(html + index, end_tag, end_tag_length) != 0) continue;
        append(&text, html + start, index - start);
        append(&text, mark, mark_length);
        start = index;
    }
    if (text.bytes == NULL) return NULL;
    append(&text, html + start, length - start);
    *count = text.count;
    return text.bytes;
}

char *runnel_html_events(const char *html, size_t length, size_t *count, void (*out_of_memory)(void *)) {
    GumboOptions options = kGumboDefaultOptions;
    options.allocator = allocate;
    options.deallocator = deallocate;
    options.userdata = (void *)out_of_memory;
    options.max_errors = 0;
    size_t own_length = length;
    char *own = with_flushed_forms(html, length, &own_length, out_of_memory);
    GumboOutput *output = gumbo_parse_with_options(&options, own != NULL ? own : html, own_length);
    struct text text = {.out_of_memory = out_of_memory};
    size_t depth = write_tree(&text, output->root);
    if (depth <= maximum_freed_depth) gumbo_destroy_output(&options, output);
    free(own);
    *count = text.count;
    return text.bytes;
}
