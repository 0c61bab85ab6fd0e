/* scan.c - down the tokens of base/json_index.h once, with the node of the trie in hand. */
#include "route/scan.h"

#include "base/json_index.h"
#include "base/text.h"
#include "route/route.h"

struct walk {
    const struct paths *paths;
    struct slots *slots;
    struct slice text;
    const uint32_t *tokens; /* this thread's index */
    size_t at, count;
    struct buf *strings;
    unsigned depth;
    bool escapes; /* there is a backslash somewhere */
};

static bool walk_value(struct walk *w, uint32_t node);

/* Behind the last one 0, which lies behind the text. */
static uint8_t peek(const struct walk *w)
{
    return w->text.ptr[w->tokens[w->at]];
}

static bool accept(struct walk *w, uint8_t c)
{
    if (peek(w) != c) return false;
    w->at++;
    return true;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The characters of the current token; there is one. */
static struct slice token(const struct walk *w)
{
    size_t from = w->tokens[w->at], end = w->tokens[w->at + 1];
    while (end > from && is_space(w->text.ptr[end - 1])) end--;
    return slice_of(w->text.ptr + from, end - from);
}

/* ---- scalars */

static bool unescape(struct walk *w, struct slice *s)
{
    uint8_t *to = buf_reserve(w->strings, s->len + JSON_INDEX_PAD);
    uint8_t *end = json_index_unescape(s->ptr, to);
    if (end == NULL) return false;
    *s = slice_of(to, (size_t)(end - to));
    buf_commit(w->strings, s->len);
    return text_is_utf8(*s);
}

static bool walk_string(struct walk *w, struct slice *out)
{
    if (w->at == w->count) return false;
    struct slice quoted = token(w);
    if (quoted.len < 2 || quoted.ptr[0] != '"' || quoted.ptr[quoted.len - 1] != '"') return false;
    *out = slice_of(quoted.ptr + 1, quoted.len - 2);
    w->at++;
    if (!w->escapes || slice_find(*out, '\\') == out->len) return true;
    return unescape(w, out);
}

static void fill(struct walk *w, uint32_t node, const struct value *v)
{
    uint32_t slot = node == PATH_NONE ? PATH_NONE : w->paths->nodes[node].slot;
    if (slot != PATH_NONE) slots_fill(w->slots, slot, v);
}

static bool walk_word(struct walk *w, uint32_t node, const char *word, struct value v)
{
    struct slice s = token(w);
    v.text = s;
    fill(w, node, &v);
    w->at++;
    return slice_is(s, word);
}

static bool walk_number(struct walk *w, uint32_t node)
{
    struct value v = {.type = VALUE_NUMBER};
    if (w->at == w->count) return false;
    v.text = token(w);
    w->at++;
    if (!json_is_number(v.text)) return false;
    if (node == PATH_NONE || w->paths->nodes[node].slot == PATH_NONE) return true;
    v.number = value_read_number(v.text);
    fill(w, node, &v);
    return true;
}

/* ---- arrays and objects */

static bool walk_element(struct walk *w, uint32_t node, uint32_t index)
{
    bool wanted = node != PATH_NONE && w->paths->nodes[node].places;
    uint32_t child = wanted ? paths_place(w->paths, node, index) : PATH_NONE;
    if (child != PATH_NONE) slots_meet(w->slots, w->paths, child);
    return walk_value(w, child);
}

static bool walk_array(struct walk *w, uint32_t node)
{
    if (accept(w, ']')) return true;
    for (uint32_t i = 0;; i++) {
        if (!walk_element(w, node, i)) return false;
        if (accept(w, ']')) return true;
        if (!accept(w, ',')) return false;
    }
}

static bool walk_member(struct walk *w, uint32_t node)
{
    struct slice name = SLICE_NONE;
    if (!walk_string(w, &name) || !accept(w, ':')) return false;
    bool wanted = node != PATH_NONE && paths_may_name(&w->paths->nodes[node], name.len);
    uint32_t child = wanted ? paths_name(w->paths, node, name) : PATH_NONE;
    if (child != PATH_NONE) slots_meet(w->slots, w->paths, child);
    return walk_value(w, child);
}

static bool walk_object(struct walk *w, uint32_t node)
{
    if (accept(w, '}')) return true;
    for (;;) {
        if (!walk_member(w, node)) return false;
        if (accept(w, '}')) return true;
        if (!accept(w, ',')) return false;
    }
}

/* Its text is the source's. */
static bool walk_container(struct walk *w, uint32_t node, bool array)
{
    struct value v = {.type = array ? VALUE_ARRAY : VALUE_OBJECT};
    size_t from = w->tokens[w->at++];
    if (w->depth == ROUTE_BODY_DEPTH_MAX) return false;
    w->depth++;
    if (!(array ? walk_array(w, node) : walk_object(w, node))) return false;
    w->depth--;
    v.text = slice_of(w->text.ptr + from, w->tokens[w->at - 1] + 1 - from);
    fill(w, node, &v);
    return true;
}

static bool walk_value(struct walk *w, uint32_t node)
{
    struct value v = {.type = VALUE_STRING};
    switch (peek(w)) {
    case '{': return walk_container(w, node, false);
    case '[': return walk_container(w, node, true);
    case 't': return walk_word(w, node, "true", value_bool(true));
    case 'f': return walk_word(w, node, "false", value_bool(false));
    case 'n': return walk_word(w, node, "null", (struct value){.type = VALUE_NULL});
    case '"':
        if (!walk_string(w, &v.text)) return false;
        fill(w, node, &v);
        return true;
    default: return walk_number(w, node);
    }
}

/* All unescaped strings together are no longer than the text: `strings` does not move meanwhile. */
static bool walk_text(struct scan *s, const struct paths *p, struct slots *slots)
{
    struct slice text = buf_slice(&s->text);
    struct walk w = {.paths = p, .slots = slots, .text = text, .strings = &s->strings};
    memset(buf_reserve(&s->text, JSON_INDEX_PAD), 0, JSON_INDEX_PAD);
    w.text = text = buf_slice(&s->text);
    if (json_index(text.ptr, text.len, &w.tokens, &w.count)) return false;
    w.escapes = slice_find(text, '\\') < text.len;
    buf_clear(&s->strings);
    if (w.escapes) buf_reserve(&s->strings, text.len + JSON_INDEX_PAD);
    return walk_value(&w, PATH_ROOT) && w.at == w.count;
}

bool scan_read(struct scan *s, const struct paths *p, struct slots *slots)
{
    slots_begin(slots, p);
    if (walk_text(s, p, slots)) return true;
    slots_begin(slots, p);
    return false;
}

void scan_free(struct scan *s)
{
    buf_free(&s->text);
    buf_free(&s->strings);
}
