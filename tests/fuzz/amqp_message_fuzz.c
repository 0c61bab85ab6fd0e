/* amqp_message_fuzz.c - messages, and any value in them: what parses can be walked and copied. */
#include "base/amqp.h"
#include "fuzz.h"

static void walk(const struct amqp_value *v)
{
    struct cur c = cur_of(v->bytes);
    struct amqp_value inside;
    bool list = v->type == AMQP_LIST || v->type == AMQP_MAP;
    if (!list && v->type != AMQP_ARRAY) return;
    for (uint32_t i = 0; i < v->count; i++) {
        enum err e = list ? amqp_get(&c, &inside) : amqp_get_element(&c, v, &inside);
        assert(e == OK);
        int64_t number;
        if (amqp_integer(&inside, &number)) assert(amqp_text(&inside).ptr == NULL);
        walk(&inside);
    }
    assert(cur_left(&c) == 0);
}

/* Copied as it is, a value reads as it did. */
static void copy(const struct amqp_value *v)
{
    struct buf out = {0};
    struct amqp_value again;
    amqp_put_value(&out, v);
    struct cur c = cur_of(buf_slice(&out));
    enum err e = amqp_get(&c, &again);
    assert(e == OK && again.type == v->type && again.count == v->count && cur_left(&c) == 0);
    buf_free(&out);
}

static void look(const struct amqp_message *m)
{
    struct amqp_value found;
    if (amqp_map_find(&m->annotations, "k", &found)) copy(&found);
    if (amqp_map_find(&m->application, "k", &found)) copy(&found);
    walk(&m->annotations);
    walk(&m->application);
    walk(&m->value);
    for (int i = 0; i < AMQP_PROPERTY_COUNT; i++) copy(&m->properties[i]);
}

void fuzz_one(struct slice input)
{
    struct amqp_message m;
    if (amqp_message_parse(input, &m) != OK) return;
    look(&m);
    struct cur c = cur_of(input);
    struct amqp_value value;
    struct slice whole;
    uint64_t code;
    size_t len = 0;
    while (amqp_next_section(&c, &code, &value, &whole) == OK) len += whole.len;
    assert(len == input.len && amqp_check(&value) == OK);
}
