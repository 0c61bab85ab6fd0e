/* model_twin.c - versions of a section, and the changes that may have made them. */
#include "model_twin.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "world.h"

static void append(struct model_section *s, const struct doc *doc, const struct model_change *how)
{
    size_t count = (size_t)s->version + 1;
    s->docs = mem_grow(s->docs, count * sizeof *s->docs);
    s->how = mem_grow(s->how, count * sizeof *s->how);
    s->docs[s->version] = *doc;
    s->how[s->version] = *how;
    s->version++;
}

void model_init(struct model_section *s, const char *who, const char *name)
{
    *s = (struct model_section){.who = who, .name = name};
    append(s, &(struct doc){0}, &(struct model_change){0});
}

void model_fini(struct model_section *s)
{
    free(s->docs);
    free(s->how);
}

const struct doc *model_at(const struct model_section *s, int64_t version)
{
    return version >= 1 && version <= s->version ? &s->docs[version - 1] : NULL;
}

/* ---- pending changes */

static unsigned find_pending(const struct model_section *s, int64_t mark)
{
    unsigned i = 0;
    while (i < s->pending_count && s->pending[i].doc.mark != mark) i++;
    return i;
}

static void drop_pending(struct model_section *s, unsigned i)
{
    if (i == s->pending_count) return;
    for (; i + 1 < s->pending_count; i++) s->pending[i] = s->pending[i + 1];
    s->pending_count--;
}

static void take_pending(struct model_section *s, unsigned i)
{
    struct model_change c = s->pending[i];
    struct doc d = c.whole ? doc_whole(&c.doc) : doc_merge(model_at(s, s->version), &c.doc);
    drop_pending(s, i);
    append(s, &d, &c);
}

void model_sent(struct model_section *s, const struct model_change *change)
{
    assert(s->pending_count < MODEL_PENDING_MAX);
    s->pending[s->pending_count++] = *change;
}

void model_refused(struct model_section *s, int64_t mark)
{
    drop_pending(s, find_pending(s, mark));
}

void model_settled(struct model_section *s)
{
    s->pending_count = 0;
}

/* ---- what was shown */

/* `version` is new, and was made by the change of that mark. */
static void advance(struct model_section *s, int64_t version, int64_t mark)
{
    unsigned i = find_pending(s, mark);
    if (i == s->pending_count || version - s->version > s->pending_count) {
        world_violated("%s: %s version %" PRId64 " with mark %" PRId64 " after version %" PRId64
                       " with mark %" PRId64 ": %u changes were pending",
                       s->who, s->name, version, mark, s->version, model_at(s, s->version)->mark,
                       s->pending_count);
        return;
    }
    if (version == s->version + 2) take_pending(s, 1 - i); /* nobody saw the one between */
    take_pending(s, find_pending(s, mark));
}

void model_reached(struct model_section *s, int64_t version, int64_t mark)
{
    const struct doc *known = model_at(s, version);
    if (version > s->version)
        advance(s, version, mark);
    else if (known == NULL || known->mark != mark)
        world_violated("%s: %s version %" PRId64 " has mark %" PRId64 ", not %" PRId64, s->who,
                       s->name, version, known ? known->mark : 0, mark);
}

void model_seen(struct model_section *s, int64_t version, const struct doc *shown, int64_t floor)
{
    struct buf want = {0}, got = {0};
    if (version < floor)
        world_violated("%s: %s version %" PRId64 " was shown to who knew %" PRId64, s->who, s->name,
                       version, floor);
    model_reached(s, version, shown->mark);
    const struct doc *known = model_at(s, version);
    if (known == NULL || doc_eq(known, shown)) return;
    doc_put(&want, known);
    doc_put(&got, shown);
    world_violated("%s: %s version %" PRId64 " is %s, not %s", s->who, s->name, version,
                   buf_cstr(&got), buf_cstr(&want));
    buf_free(&want);
    buf_free(&got);
}
