/* shipment.c - lots of messages by their devices. */
#include "deliver/amqp/shipment.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cur.h"
#include "base/map.h"
#include "base/mem.h"
#include "deliver/amqp/message.h"
#include "proto/amqp/amqp.h"

/* ---- parcels */

size_t parcel_begin(struct buf *batch, uint64_t ordinal, struct slice key)
{
    size_t at = batch->len;
    buf_put_le32(batch, 0);
    buf_put_le64(batch, ordinal);
    buf_put_le16(batch, (uint16_t)key.len);
    buf_put_slice(batch, key);
    return at;
}

void parcel_end(struct buf *batch, size_t at)
{
    size_t len = batch->len - at - 4;
    uint8_t *p = batch->ptr + at;
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(len >> (8 * i));
}

static bool next_parcel(struct cur *c, struct parcel *out)
{
    if (cur_left(c) == 0) return false;
    struct cur in = cur_of(cur_take(c, cur_le32(c)));
    out->ordinal = cur_le64(&in);
    out->key = cur_take(&in, cur_le16(&in));
    out->message = cur_take(&in, cur_left(&in));
    return true;
}

/* ---- what was taken before */

void remnant_free(struct remnant *r)
{
    if (r == NULL) return;
    list_remove(&r->node);
    free(r->ordinals);
    free(r);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void remnant_sort(struct remnant *r)
{
    qsort(r->ordinals, r->count, sizeof *r->ordinals, compare);
}

static bool was_taken(const struct remnant *r, uint64_t ordinal)
{
    return r && bsearch(&ordinal, r->ordinals, r->count, sizeof ordinal, compare) != NULL;
}

struct remnant *shipment_remnant(const struct shipment *s)
{
    struct remnant *r = NEW(struct remnant);
    list_init(&r->node);
    r->call = s->call;
    r->ordinals = mem_new((s->item_count + 1) * sizeof *r->ordinals);
    for (unsigned l = 0; l < s->lot_count; l++) {
        if (s->lots[l].state != LOT_TAKEN) continue;
        for (int i = (int)s->lots[l].first; i >= 0; i = s->items[i].next)
            r->ordinals[r->count++] = s->items[i].parcel.ordinal;
    }
    remnant_sort(r);
    return r;
}

/* ---- lots */

static void add_lot(struct shipment *s, unsigned item, int before)
{
    s->lots[s->lot_count++] =
        (struct lot){.before = before, .first = item, .last = item, .count = 1};
}

/* Its device's last lot is in `last` by index + 1, under the key's bytes. */
static void add_item(struct shipment *s, const struct parcel *p, bool merges, struct map *last)
{
    unsigned item = s->item_count++;
    struct lot *lot = map_get(last, p->key);
    s->items[item] = (struct item){.parcel = *p, .next = -1};
    if (lot && merges) {
        s->items[lot->last].next = (int)item;
        lot->last = item;
        lot->count++;
        return;
    }
    add_lot(s, item, lot ? (int)(lot - s->lots) : -1);
    map_put(last, p->key, &s->lots[s->lot_count - 1]);
}

static unsigned count_parcels(struct slice batch)
{
    struct cur c = cur_of(batch);
    struct parcel p;
    unsigned count = 0;
    while (next_parcel(&c, &p)) count++;
    return count;
}

struct shipment *shipment_new(struct deliver_call *call, struct buf *batch, bool merges,
                              const struct remnant *r)
{
    struct shipment *s = NEW(struct shipment);
    struct map last = {0};
    struct parcel p;
    list_init(&s->node);
    s->call = call;
    s->bytes = *batch;
    *batch = (struct buf){0};
    unsigned count = count_parcels(buf_slice(&s->bytes));
    s->items = mem_zero(count * sizeof *s->items);
    s->lots = mem_zero(count * sizeof *s->lots);
    struct cur c = cur_of(buf_slice(&s->bytes));
    while (next_parcel(&c, &p))
        if (!was_taken(r, p.ordinal)) add_item(s, &p, merges, &last);
    map_free(&last);
    return s;
}

void shipment_free(struct shipment *s)
{
    list_remove(&s->node);
    buf_free(&s->bytes);
    free(s->items);
    free(s->lots);
    free(s);
}

/* ---- on the way */

static bool may_go(const struct shipment *s, const struct lot *l)
{
    return l->state == LOT_WAITS && (l->before < 0 || s->lots[l->before].state == LOT_TAKEN);
}

int shipment_next(struct shipment *s)
{
    if (s->stopped) return -1;
    while (s->scanned < s->lot_count && s->lots[s->scanned].state != LOT_WAITS) s->scanned++;
    for (unsigned i = s->scanned; i < s->lot_count; i++)
        if (may_go(s, &s->lots[i])) return (int)i;
    return -1;
}

void shipment_sent(struct shipment *s, unsigned lot)
{
    s->lots[lot].state = LOT_SENT;
    s->unsettled++;
}

/* A refusal is worse than nothing, and what time can mend is worse than a refusal: both come again, and the
 * refused one is found out then. */
static void note(struct shipment *s, const struct deliver_result *r)
{
    bool mends = r->outcome == DELIVER_AGAIN || r->outcome == DELIVER_SLOW;
    if (s->stopped || (s->worst.outcome == DELIVER_REFUSED && !mends)) return;
    snprintf(s->text, sizeof s->text, "%s", r->text ? r->text : "");
    s->worst = *r;
    s->worst.text = s->text;
    s->stopped = mends;
}

void shipment_settled(struct shipment *s, unsigned lot, const struct deliver_result *r)
{
    assert(s->lots[lot].state == LOT_SENT);
    s->lots[lot].state = r->outcome == DELIVER_TAKEN ? LOT_TAKEN : LOT_FAILED;
    s->unsettled--;
    if (r->outcome != DELIVER_TAKEN) note(s, r);
}

void shipment_lost(struct shipment *s, const struct deliver_result *r)
{
    note(s, r);
    s->unsettled = 0;
    for (unsigned i = 0; i < s->lot_count; i++)
        if (s->lots[i].state != LOT_TAKEN) s->lots[i].state = LOT_FAILED;
}

bool shipment_is_over(struct shipment *s)
{
    return s->unsettled == 0 && shipment_next(s) < 0;
}

/* ---- as a delivery */

uint32_t shipment_format(const struct shipment *s, unsigned lot)
{
    return s->lots[lot].count > 1 ? AMQP_FORMAT_BATCH : 0;
}

void shipment_put(const struct shipment *s, unsigned lot, struct buf *out)
{
    const struct lot *l = &s->lots[lot];
    if (l->count == 1) {
        buf_put_slice(out, s->items[l->first].parcel.message);
        return;
    }
    amqp_message_put_envelope(out, s->items[l->first].parcel.key);
    for (int i = (int)l->first; i >= 0; i = s->items[i].next)
        amqp_put_data(out, s->items[i].parcel.message);
}
