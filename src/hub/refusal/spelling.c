/* spelling.c - is there a device of nearly that name? */
#include "hub/refusal/refusal.h"
#include "hub/refusal/refusal_sql.h"

static void on_found(struct store_wait *wait, struct store_answer *a)
{
    struct refusal_spelling *s = CONTAINER_OF(wait, struct refusal_spelling, wait);
    bool found = a->err == OK && store_next(a) && a->col[0].type == STORE_TEXT;
    s->fn(s, found ? a->col[0].bytes : SLICE_NONE);
}

void refusal_ask_spelling(const struct store *store, struct lane *lane, struct slice who,
                          struct refusal_spelling *s)
{
    struct store_request q;
    s->wait.fn = on_found;
    store_begin_query(&q, &sql_refusal_spelling);
    store_put_text(&q, "device_id", hub_device_of(who));
    store_ask(store, lane, &q, &s->wait);
}
