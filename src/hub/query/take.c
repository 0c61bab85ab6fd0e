/* take.c - items: twins, columns, identities. */
#include <stdlib.h>

#include "base/text.h"
#include "hub/query/run.h"

/* A column that is undefined is left out. */
static void put_columns(struct run *r, struct doc *d)
{
    bool first = true;
    buf_put_u8(&r->body, '{');
    for (const struct column *c = r->query->columns; c; c = c->next) {
        struct value v = eval(d, c->expr);
        if (v.type == VALUE_UNDEFINED) continue;
        if (!first) buf_put_u8(&r->body, ',');
        first = false;
        text_json_string(&r->body, c->name);
        buf_put_u8(&r->body, ':');
        value_write(&r->body, &v);
    }
    buf_put_u8(&r->body, '}');
}

static enum err put_item(struct run *r, const struct row *row)
{
    struct doc_row d;
    buf_put_u8(&r->body, r->count ? ',' : '[');
    if (r->query->columns == NULL) return row_put_twin(&r->body, row);
    doc_row_init(&d, &r->chunk, row);
    put_columns(r, &d.doc);
    return OK;
}

static enum err add_to_groups(struct run *r, const struct row *row)
{
    struct arena scratch = {0};
    struct doc_row d;
    doc_row_init(&d, &scratch, row);
    enum err e = groups_add(&r->groups, r->query, &d.doc);
    arena_free(&scratch);
    return e;
}

enum err run_take(struct run *r, const struct row *row)
{
    if (r->query->aggregates) return add_to_groups(r, row);
    if (r->answer == ANSWERS_JSON) TRY(put_item(r, row));
    if (r->answer == ANSWERS_WHO) r->who[r->count] = row_who(&r->arena, row);
    r->count++;
    r->place.given++;
    return OK;
}
