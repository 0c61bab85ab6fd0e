/* scan.c - down a JSON text once, byte by byte, with the node of the trie in hand.
 *
 * Behind the text are zeros, which JSON has nowhere: whatever is read on ends there without a look at how much is
 * left.  A function gets where it begins and returns what is behind it, or NULL: this is not JSON.
 */
#include "route/scan.h"

#include "base/json_index.h"
#include "base/text.h"
#include "route/route.h"

struct walk {
    const struct paths *paths;
    struct slots *slots;
    struct buf *strings;
    size_t room; /* for all of them */
    unsigned depth;
    bool beyond_ascii; /* somewhere in a string */
};

static const uint8_t *walk_value(struct walk *w, const uint8_t *at, uint32_t node);

static inline const uint8_t *skip_space(const uint8_t *at)
{
    while (*at <= ' ' && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
    return at;
}

/* Where what is at this node goes, or NULL: nobody wants it. */
static inline struct value *slot_of(struct walk *w, uint32_t node)
{
    uint32_t slot = node == PATH_NONE ? PATH_NONE : w->paths->nodes[node].slot;
    return slot == PATH_NONE ? NULL : slots_open(w->slots, slot);
}

/* ---- strings, eight bytes at a time */

enum { WORD = 8 };

/* The high bit of each byte that is 0; above the first one also of others. */
static inline uint64_t zeros(uint64_t word)
{
    return (word - 0x0101010101010101u) & ~word & 0x8080808080808080u;
}

/* Bytes that end what a string has as it is: quotes, backslashes, what is below a space. */
static inline uint64_t ends_of(uint64_t word)
{
    uint64_t below_space = (word - 0x2020202020202020u) & ~word & 0x8080808080808080u;
    return zeros(word ^ 0x2222222222222222u) | zeros(word ^ 0x5C5C5C5C5C5C5C5Cu) | below_space;
}

static inline const uint8_t *skip_plain(struct walk *w, const uint8_t *at)
{
    uint64_t word, ends, high = 0;
    for (;; at += WORD) {
        memcpy(&word, at, sizeof word);
        ends = ends_of(word);
        high |= word;
        if (ends) break;
    }
    if (high & 0x8080808080808080u) w->beyond_ascii = true;
    return at + __builtin_ctzll(ends) / 8;
}

/* The closing quote.  Whatever follows a backslash is looked at when it is unescaped. */
static const uint8_t *closing_quote(struct walk *w, const uint8_t *at)
{
    while (*at == '\\') {
        if (at[1] < ' ') return NULL;
        at = skip_plain(w, at + 2);
    }
    return *at == '"' ? at : NULL;
}

/* All unescaped strings together are no longer than the text: `strings` does not move meanwhile. */
static const uint8_t *unescape(struct walk *w, const uint8_t *from, const uint8_t *at,
                               struct slice *out)
{
    const uint8_t *quote = closing_quote(w, at);
    if (quote == NULL) return NULL;
    if (buf_size(w->strings) == 0) buf_reserve(w->strings, w->room);
    uint8_t *to = buf_reserve(w->strings, (size_t)(quote - from) + JSON_INDEX_PAD);
    uint8_t *end = json_index_unescape(from, to);
    if (end == NULL) return NULL;
    *out = slice_of(to, (size_t)(end - to));
    buf_commit(w->strings, out->len);
    return text_is_utf8(*out) ? quote + 1 : NULL;
}

static inline const uint8_t *walk_string(struct walk *w, const uint8_t *quote, struct slice *out)
{
    const uint8_t *from = quote + 1, *at = skip_plain(w, from);
    if (*at != '"') return unescape(w, from, at, out);
    *out = slice_of(from, (size_t)(at - from));
    return at + 1;
}

static const uint8_t *walk_text(struct walk *w, const uint8_t *at, uint32_t node)
{
    struct value v = {.type = VALUE_STRING}, *slot = slot_of(w, node);
    at = walk_string(w, at, &v.text);
    if (slot) *slot = v;
    return at;
}

/* ---- other scalars */

static const uint8_t *walk_word(struct walk *w, const uint8_t *at, uint32_t node, struct slice word,
                                struct value v)
{
    struct value *slot = slot_of(w, node);
    if (memcmp(at, word.ptr, word.len) != 0) return NULL;
    v.text = slice_of(at, word.len);
    if (slot) *slot = v;
    return at + word.len;
}

/* Behind the digits, of which there must be one. */
static inline const uint8_t *skip_digits(const uint8_t *at, uint64_t *digits)
{
    const uint8_t *from = at;
    for (unsigned digit; (digit = *at - (unsigned)'0') <= 9; at++) *digits = *digits * 10 + digit;
    return at == from ? NULL : at;
}

static const uint8_t *skip_exponent(const uint8_t *at)
{
    uint64_t digits = 0;
    if (*at == '+' || *at == '-') at++;
    return skip_digits(at, &digits);
}

static const uint8_t *walk_number(struct walk *w, const uint8_t *from, uint32_t node)
{
    struct value *slot = slot_of(w, node);
    bool negative = *from == '-', plain = true;
    const uint8_t *first = from + negative, *point;
    uint64_t digits = 0;
    const uint8_t *at = point = skip_digits(first, &digits);
    if (at == NULL || (*first == '0' && at > first + 1)) return NULL;
    if (*at == '.') at = skip_digits(++point, &digits);
    if (at && (*at | 0x20) == 'e') {
        plain = false;
        at = skip_exponent(at + 1);
    }
    if (at == NULL || slot == NULL) return at;
    *slot = (struct value){.type = VALUE_NUMBER, .text = slice_of(from, (size_t)(at - from))};
    slot->number = plain && at - first <= VALUE_DIGITS_MAX
                       ? value_of_digits(digits, (size_t)(at - point), negative)
                       : value_read_number(slot->text);
    return at;
}

/* ---- arrays and objects: behind the bracket */

static const uint8_t *walk_element(struct walk *w, const uint8_t *at, uint32_t node, uint32_t index)
{
    bool wanted = node != PATH_NONE && w->paths->nodes[node].places;
    uint32_t child = wanted ? paths_place(w->paths, node, index) : PATH_NONE;
    if (child != PATH_NONE) slots_meet(w->slots, w->paths, child);
    return walk_value(w, at, child);
}

static const uint8_t *walk_array(struct walk *w, const uint8_t *at, uint32_t node)
{
    at = skip_space(at);
    if (*at == ']') return at + 1;
    for (uint32_t i = 0;; i++) {
        if ((at = walk_element(w, at, node, i)) == NULL) return NULL;
        at = skip_space(at);
        if (*at == ']') return at + 1;
        if (*at != ',') return NULL;
        at = skip_space(at + 1);
    }
}

static const uint8_t *walk_member(struct walk *w, const uint8_t *at, uint32_t node)
{
    struct slice name;
    if (*at != '"' || (at = walk_string(w, at, &name)) == NULL) return NULL;
    at = skip_space(at);
    if (*at != ':') return NULL;
    bool wanted = node != PATH_NONE && paths_may_name(&w->paths->nodes[node], name);
    uint32_t child = wanted ? paths_name(w->paths, node, name) : PATH_NONE;
    if (child != PATH_NONE) slots_meet(w->slots, w->paths, child);
    return walk_value(w, skip_space(at + 1), child);
}

static const uint8_t *walk_object(struct walk *w, const uint8_t *at, uint32_t node)
{
    at = skip_space(at);
    if (*at == '}') return at + 1;
    for (;;) {
        if ((at = walk_member(w, at, node)) == NULL) return NULL;
        at = skip_space(at);
        if (*at == '}') return at + 1;
        if (*at != ',') return NULL;
        at = skip_space(at + 1);
    }
}

/* Its text is the source's. */
static const uint8_t *walk_container(struct walk *w, const uint8_t *from, uint32_t node, bool array)
{
    if (w->depth == ROUTE_BODY_DEPTH_MAX) return NULL;
    w->depth++;
    const uint8_t *at = array ? walk_array(w, from + 1, node) : walk_object(w, from + 1, node);
    w->depth--;
    struct value *slot = at ? slot_of(w, node) : NULL;
    if (slot)
        *slot = (struct value){.type = array ? VALUE_ARRAY : VALUE_OBJECT,
                               .text = slice_of(from, (size_t)(at - from))};
    return at;
}

static const uint8_t *walk_value(struct walk *w, const uint8_t *at, uint32_t node)
{
    static const struct value null = {.type = VALUE_NULL};
    switch (*at) {
    case '{': return walk_container(w, at, node, false);
    case '[': return walk_container(w, at, node, true);
    case 't': return walk_word(w, at, node, SLICE_LIT("true"), value_bool(true));
    case 'f': return walk_word(w, at, node, SLICE_LIT("false"), value_bool(false));
    case 'n': return walk_word(w, at, node, SLICE_LIT("null"), null);
    case '"': return walk_text(w, at, node);
    default: return walk_number(w, at, node);
    }
}

static bool walk_all(struct scan *s, const struct paths *p, struct slots *slots)
{
    struct walk w = {.paths = p, .slots = slots, .strings = &s->strings};
    memset(buf_reserve(&s->text, JSON_INDEX_PAD), 0, JSON_INDEX_PAD);
    struct slice text = buf_slice(&s->text);
    w.room = text.len + JSON_INDEX_PAD;
    buf_clear(&s->strings);
    const uint8_t *at = walk_value(&w, skip_space(text.ptr), PATH_ROOT);
    if (at == NULL || skip_space(at) != text.ptr + text.len) return false;
    return !w.beyond_ascii || json_index_is_utf8(text.ptr, text.len);
}

bool scan_read(struct scan *s, const struct paths *p, struct slots *slots)
{
    slots_begin(slots, p);
    if (walk_all(s, p, slots)) return true;
    slots_begin(slots, p);
    return false;
}

void scan_free(struct scan *s)
{
    buf_free(&s->text);
    buf_free(&s->strings);
}
