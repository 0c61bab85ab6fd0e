/* payload_template.c - text with {{placeholders}}: cut into parts once, written many times. */
#include <stdlib.h>

#include "base/num.h"
#include "cli/payload_parts.h"

/* A named sensor is a walk with bounds that such a sensor has indoors. */
static const struct {
    const char *name, *means;
} sensors[] = {
    {"temperature", "walk 16.00 28.00 0.15"}, /* degrees Celsius */
    {"humidity", "walk 30.0 65.0 0.5"},       /* per cent */
    {"pressure", "walk 985.0 1035.0 0.2"},    /* hectopascal */
    {"battery", "walk 3.00 4.20 0.01"},       /* volt */
};

static const struct {
    const char *name;
    size_t least, most; /* arguments */
    enum payload_shape shape;
    bool numeric;
} shapes[] = {
    {"device", 0, 0, SHAPE_DEVICE, false},   {"index", 0, 0, SHAPE_INDEX, false},
    {"counter", 0, 0, SHAPE_COUNTER, false}, {"now", 0, 0, SHAPE_NOW, false},
    {"epoch", 0, 0, SHAPE_EPOCH, false},     {"guid", 0, 0, SHAPE_GUID, false},
    {"walk", 2, 3, SHAPE_WALK, true},        {"wave", 3, 3, SHAPE_WAVE, true},
    {"random", 2, 2, SHAPE_RANDOM, true},    {"pick", 1, PAYLOAD_WORDS_MAX, SHAPE_PICK, false},
    {"pad", 1, 1, SHAPE_PAD, true},
};

static enum err read_numbers(struct payload_part *part, struct slice name)
{
    for (size_t i = 0; i < part->word_count; i++) {
        struct slice word = part->words[i];
        size_t point = slice_find(word, '.');
        char *end;
        part->numbers[i] = strtod((const char *)word.ptr, &end); /* the words end with NUL */
        if (*end != '\0' || !(part->numbers[i] >= -1e15 && part->numbers[i] <= 1e15))
            return fail(ERR_INVALID, "{{%.*s}}: '%.*s' is not a number", SLICE_ARG(name),
                        SLICE_ARG(word));
        int decimals = point < word.len ? (int)MIN(word.len - point - 1, 9) : 0;
        part->decimals = MAX(part->decimals, decimals);
    }
    return OK;
}

/* Seconds, as exact as time is: in far shorter periods no time is a finite number of turns. */
#define PERIOD_MIN 1e-6

/* What the numbers of a shape have to do with each other. */
static enum err check_numbers(const struct payload_part *part, struct slice name)
{
    const double *n = part->numbers;
    bool fits = part->shape == SHAPE_PAD ? n[0] >= 0 && n[0] <= PAYLOAD_BODY_MAX : n[0] <= n[1];
    if (part->shape == SHAPE_WAVE) fits = fits && n[2] >= PERIOD_MIN;
    if (part->shape == SHAPE_WALK && part->word_count == 3) fits = fits && n[2] > 0;
    if (!fits) return fail(ERR_INVALID, "{{%.*s}}: its numbers do not fit", SLICE_ARG(name));
    return OK;
}

/* The words of a placeholder, each with a NUL behind it. */
static enum err read_words(struct arena *a, struct slice inside, struct slice words[],
                           size_t *count)
{
    struct slice rest = inside, word;
    *count = 0;
    while (slice_split(&rest, ' ', &word)) {
        if (word.len == 0) continue;
        if (*count == PAYLOAD_WORDS_MAX + 1)
            return fail(ERR_INVALID, "{{%.*s}}: more than %d arguments", SLICE_ARG(inside),
                        PAYLOAD_WORDS_MAX);
        words[(*count)++] = arena_copy(a, word);
    }
    return OK;
}

static enum err read_shape(struct arena *a, struct slice inside, size_t *slots,
                           struct payload_part *part)
{
    struct slice *words = arena_alloc(a, (PAYLOAD_WORDS_MAX + 1) * sizeof *words);
    size_t count, i;
    TRY(read_words(a, inside, words, &count));
    for (i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (count && slice_is(words[0], shapes[i].name)) break;
    if (i == sizeof shapes / sizeof *shapes)
        return fail(ERR_INVALID, "{{%.*s}} is not a placeholder; --help lists them",
                    SLICE_ARG(inside));
    *part = (struct payload_part){
        .shape = shapes[i].shape, .words = words + 1, .word_count = count - 1, .slot = *slots};
    if (part->word_count < shapes[i].least || part->word_count > shapes[i].most)
        return fail(ERR_INVALID, "{{%.*s}}: wrong number of arguments; --help lists them",
                    SLICE_ARG(inside));
    *slots += part->shape == SHAPE_WALK;
    if (!shapes[i].numeric) return OK;
    TRY(read_numbers(part, inside));
    return check_numbers(part, inside);
}

static enum err read_placeholder(struct arena *a, struct slice inside, size_t *slots,
                                 struct payload_part *part)
{
    inside = slice_trim(inside);
    for (size_t i = 0; i < sizeof sensors / sizeof *sensors; i++)
        if (slice_is(inside, sensors[i].name)) inside = slice_str(sensors[i].means);
    return read_shape(a, inside, slots, part);
}

/* Index of the first pair of that character, or text.len. */
static size_t find_pair(struct slice text, uint8_t c)
{
    for (size_t i = 0; i + 1 < text.len; i++)
        if (text.ptr[i] == c && text.ptr[i + 1] == c) return i;
    return text.len;
}

static enum err new_part(struct payload_template *t, struct payload_part **out)
{
    if (t->count == PAYLOAD_PARTS_MAX)
        return fail(ERR_TOO_BIG, "the template has more than %d parts", PAYLOAD_PARTS_MAX);
    *out = &t->parts[t->count++];
    return OK;
}

static enum err add_text(struct payload_template *t, struct slice text)
{
    struct payload_part *part = NULL;
    if (text.len == 0) return OK;
    TRY(new_part(t, &part));
    *part = (struct payload_part){.shape = SHAPE_TEXT, .text = text};
    return OK;
}

/* Two parts at most for each pair of braces, and the text behind the last. */
static size_t most_parts(struct slice text)
{
    size_t pairs = 0;
    for (size_t at = find_pair(text, '{'); at < text.len; at = find_pair(text, '{')) {
        text = slice_from(text, at + 2);
        pairs++;
    }
    return MIN(2 * pairs + 1, (size_t)PAYLOAD_PARTS_MAX);
}

enum err payload_template_parse(struct arena *a, struct slice text, bool plain, size_t *slots,
                                struct payload_template *out)
{
    struct payload_part *part = NULL;
    *out = (struct payload_template){
        .parts = arena_alloc(a, most_parts(plain ? SLICE_NONE : text) * sizeof *part)};
    for (size_t at = 0; !plain && (at = find_pair(text, '{')) < text.len;) {
        TRY(add_text(out, slice_head(text, at)));
        struct slice inside = slice_from(text, at + 2);
        size_t end = find_pair(inside, '}');
        if (end == inside.len)
            return fail(ERR_INVALID, "'{{%.*s' has no '}}' behind it", SLICE_ARG(inside));
        TRY(new_part(out, &part));
        TRY(read_placeholder(a, slice_head(inside, end), slots, part));
        text = slice_from(inside, end + 2);
    }
    return add_text(out, text);
}

void payload_template_write(const struct payload_template *t, struct payload_state *s,
                            struct buf *out)
{
    for (size_t i = 0; i < t->count; i++) payload_part_write(&t->parts[i], s, out);
}

void payload_template_begin(const struct payload_template *t, struct payload_state *s)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct payload_part *p = &t->parts[i];
        if (p->shape != SHAPE_WALK) continue;
        double third = (p->numbers[1] - p->numbers[0]) / 3;
        s->values[p->slot] = p->numbers[0] + third * (1 + payload_random(s));
    }
}
