/* receive.c - see receive.h. */
#include "receive.h"

#include <stdint.h>

#include "conn.h"
#include "measure.h"
#include "mqtt.h"
#include "options.h"
#include "payload.h"
#include "util.h"

static uint64_t *next_sequence; /* --check: of each publisher, for each subscriber */

void receive_init(void)
{
    if (opt.check && opt.subs)
        next_sequence = xcalloc((size_t)opt.subs * opt.pubs, sizeof *next_sequence);
}

/* `id` has two bytes.  All acknowledgements of one read are sent together, unless each is a frame anyway. */
static void acknowledge(struct conn *k, const char *id)
{
    const char ack[] = {0x40, 2, id[0], id[1]};
    if (opt.ws)
        mqtt_write(k, ack, sizeof ack);
    else
        conn_write_later(k, ack, sizeof ack);
}

static void check_sequence(const struct conn *k, const struct payload *p)
{
    if (p->publisher >= opt.pubs) return;
    uint64_t *next = &next_sequence[(size_t)k->idx * opt.pubs + p->publisher];
    if (p->sequence != *next) counts.dup_or_gap++;
    *next = p->sequence + 1;
}

void receive(struct conn *k, const char *p, size_t n, int qos)
{
    struct payload payload;
    size_t topic = n < 2 ? 0 : (size_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
    size_t head = 2 + topic + (qos ? 2 : 0);
    if (n < head) {
        counts.proto_err++;
        return;
    }
    counts.received++;
    if (qos == 1) acknowledge(k, p + 2 + topic);
    if (!payload_get(p + head, n - head, &payload)) return;
    int64_t age_ns = (int64_t)(now_ns() - payload.t_ns);
    if (measuring && payload.t_ns && age_ns >= 0) hist_add(&delivery_time, (uint64_t)age_ns);
    if (opt.check && k->is_sub) check_sequence(k, &payload);
}
