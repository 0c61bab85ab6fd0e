/* list.c - what waits for a device, shown to people: read from the store, with each message's state from memory.
 * Nothing is locked, counted or delivered by it. */
#include <stdlib.h>

#include "base/num.h"
#include "hub/c2d/c2d_sql.h"
#include "hub/c2d/home.h"

struct listing {
    struct list node; /* in queue->listings */
    struct store_wait wait;
    struct queue *queue;
    struct msg *m; /* who waits */
    unsigned top;
};

static void listing_free(struct listing *l)
{
    list_remove(&l->node);
    free(l);
}

void listings_free(struct queue *q)
{
    LIST_EACH(node, &q->listings)
    {
        struct listing *l = CONTAINER_OF(node, struct listing, node);
        msg_free(l->m);
        listing_free(l);
    }
}

/* A message whose row went, or is about to be told as accepted, since the store was asked is no more, or not yet. */
static const struct item *shown_item(struct queue *q, uint64_t sequence)
{
    const struct item *i = item_find(q, sequence);
    return i && i->state != ITEM_INSERTING ? i : NULL;
}

static void put_row(struct c2d_page_msg *page, struct buf *sections, const struct item *i,
                    struct slice bytes)
{
    page->rows[page->count++] = (struct c2d_page_row){.sequence = i->sequence,
                                                      .enqueued_us = i->enqueued_us,
                                                      .expires_us = i->expires_us,
                                                      .delivery_count = i->delivery_count,
                                                      .sections_len = (uint32_t)bytes.len,
                                                      .invisible = i->state != ITEM_ENQUEUED};
    buf_put_slice(sections, bytes);
}

/* A row above `top` was asked for to know that there is more. */
static void put_rows(struct listing *l, struct store_answer *a, struct c2d_page_msg *page,
                     struct buf *sections)
{
    unsigned seen = 0;
    page->more = a->more;
    for (; store_next(a); seen++) {
        uint64_t sequence = (uint64_t)a->col[0].number;
        if (seen == l->top) {
            page->more = true;
            return;
        }
        const struct item *i = shown_item(l->queue, sequence);
        if (i) put_row(page, sections, i, a->col[1].bytes);
        page->last = sequence;
    }
}

static struct msg *page_msg(struct listing *l, struct store_answer *a)
{
    struct c2d_page_msg page = {0};
    struct buf sections = {0};
    put_rows(l, a, &page, &sections);
    struct msg *reply = msg_new(C2D_PAGE, sizeof page + buf_size(&sections));
    memcpy(reply->body, &page, sizeof page);
    if (buf_size(&sections))
        memcpy(reply->body + sizeof page, buf_slice(&sections).ptr, buf_size(&sections));
    buf_free(&sections);
    return reply;
}

static void on_rows(struct store_wait *w, struct store_answer *a)
{
    struct listing *l = CONTAINER_OF(w, struct listing, wait);
    struct queue *q = l->queue;
    enum err e = q->state == QUEUE_GONE ? ERR_NOT_FOUND : a->err;
    if (e == OK)
        call_answer_with(q->c2d, l->m, page_msg(l, a));
    else
        call_answer_err(q->c2d, l->m, e);
    listing_free(l);
    queue_serve(q);
}

void list_page(struct queue *q, struct msg *m, uint64_t after, unsigned top)
{
    struct listing *l = NEW(struct listing);
    struct store_request r;
    *l = (struct listing){.wait.fn = on_rows, .queue = q, .m = m, .top = MIN(top, C2D_PAGE_MAX)};
    list_push(&q->listings, &l->node);
    store_begin_query(&r, &sql_c2d_sections);
    store_put_text(&r, "device_id", queue_id(q));
    store_put_int(&r, "from", (int64_t)after + 1);
    store_put_int(&r, "most", l->top + 1);
    store_ask(q->c2d->hub->store, q->c2d->lane, &r, &l->wait);
}
