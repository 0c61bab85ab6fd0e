/* doc.c - small documents and their merging. */
#include "doc.h"

#include <inttypes.h>

#include "base/num.h"
#include "world.h"

static const char key_names[] = "abcd", sub_names[] = "xy";

/* ---- changes */

static struct doc_leaf random_leaf(void)
{
    uint64_t what = world_random(10);
    if (what < 4) return (struct doc_leaf){DOC_ABSENT, 0};
    if (what < 6) return (struct doc_leaf){DOC_NULL, 0};
    return (struct doc_leaf){DOC_NUMBER, (int64_t)world_random(1000000) - 500000};
}

struct doc doc_random(int64_t mark)
{
    struct doc d = {.mark = mark};
    for (int k = 0; k < DOC_KEYS; k++) {
        d.key[k].leaf = random_leaf();
        if (!world_chance(40)) continue;
        d.key[k].leaf = (struct doc_leaf){DOC_OBJECT, 0};
        for (int s = 0; s < DOC_SUBS; s++) d.key[k].sub[s] = random_leaf();
    }
    return d;
}

static struct doc_leaf merge_leaf(struct doc_leaf base, struct doc_leaf change)
{
    if (change.kind == DOC_ABSENT) return base;
    return change.kind == DOC_NULL ? (struct doc_leaf){DOC_ABSENT, 0} : change;
}

struct doc doc_merge(const struct doc *base, const struct doc *change)
{
    struct doc d = *base;
    if (change->mark) d.mark = change->mark;
    for (int k = 0; k < DOC_KEYS; k++) {
        const struct doc_node *c = &change->key[k];
        if (c->leaf.kind == DOC_ABSENT) continue;
        if (c->leaf.kind != DOC_OBJECT || d.key[k].leaf.kind != DOC_OBJECT)
            d.key[k] = (struct doc_node){0};
        d.key[k].leaf = merge_leaf(d.key[k].leaf, c->leaf);
        for (int s = 0; s < DOC_SUBS; s++) d.key[k].sub[s] = merge_leaf(d.key[k].sub[s], c->sub[s]);
    }
    return d;
}

struct doc doc_whole(const struct doc *change)
{
    return doc_merge(&(struct doc){0}, change);
}

static bool leaf_eq(struct doc_leaf a, struct doc_leaf b)
{
    return a.kind == b.kind && a.number == b.number;
}

bool doc_eq(const struct doc *a, const struct doc *b)
{
    bool same = a->mark == b->mark;
    for (int k = 0; k < DOC_KEYS; k++) {
        same = same && leaf_eq(a->key[k].leaf, b->key[k].leaf);
        for (int s = 0; s < DOC_SUBS; s++)
            same = same && leaf_eq(a->key[k].sub[s], b->key[k].sub[s]);
    }
    return same;
}

/* ---- JSON */

static void put_name(struct buf *out, char name)
{
    const uint8_t *content = buf_slice(out).ptr;
    if (content[buf_size(out) - 1] != '{') buf_put_u8(out, ',');
    buf_printf(out, "\"%c\":", name);
}

static void put_leaf(struct buf *out, char name, struct doc_leaf l)
{
    if (l.kind == DOC_ABSENT) return;
    put_name(out, name);
    if (l.kind == DOC_NULL)
        buf_put_str(out, "null");
    else
        buf_printf(out, "%" PRId64, l.number);
}

void doc_put(struct buf *out, const struct doc *d)
{
    buf_put_u8(out, '{');
    if (d->mark) put_leaf(out, 'n', (struct doc_leaf){DOC_NUMBER, d->mark});
    for (int k = 0; k < DOC_KEYS; k++) {
        if (d->key[k].leaf.kind != DOC_OBJECT) {
            put_leaf(out, key_names[k], d->key[k].leaf);
            continue;
        }
        put_name(out, key_names[k]);
        buf_put_u8(out, '{');
        for (int s = 0; s < DOC_SUBS; s++) put_leaf(out, sub_names[s], d->key[k].sub[s]);
        buf_put_u8(out, '}');
    }
    buf_put_u8(out, '}');
}

static bool read_leaf(const struct json *j, struct doc_leaf *out)
{
    *out = (struct doc_leaf){j->type == JSON_NULL ? DOC_NULL : DOC_NUMBER, 0};
    return j->type == JSON_NULL || (j->type == JSON_NUMBER && json_i64(j, &out->number) == OK);
}

/* The place of a name of one letter; -1: none. */
static int place_of(struct slice key, const char *names)
{
    for (int i = 0; names[i]; i++)
        if (key.len == 1 && key.ptr[0] == (uint8_t)names[i]) return i;
    return -1;
}

static bool read_node(const struct json *j, struct doc_node *out)
{
    if (j->type != JSON_OBJECT) return read_leaf(j, &out->leaf);
    out->leaf.kind = DOC_OBJECT;
    for (const struct json *m = j->child; m; m = m->next) {
        int s = place_of(m->key, sub_names);
        if (s < 0 || !read_leaf(m, &out->sub[s])) return false;
    }
    return true;
}

bool doc_read(const struct json *section, struct doc *out)
{
    *out = (struct doc){0};
    if (section == NULL || section->type != JSON_OBJECT) return false;
    for (const struct json *m = section->child; m; m = m->next) {
        int k = place_of(m->key, key_names);
        if (m->key.len && m->key.ptr[0] == '$') continue;
        if (slice_is(m->key, "n") && json_i64(m, &out->mark) == OK) continue;
        if (k < 0 || !read_node(m, &out->key[k])) return false;
    }
    return true;
}
