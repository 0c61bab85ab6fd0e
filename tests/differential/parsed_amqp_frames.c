/* parsed_amqp_frames.c - a connection of AMQP from its server's side: what the client opened, and deliveries. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "parsed.h"
#include "proto/amqp/amqp.h"

enum { CREDIT = 100 };

struct frames {
    struct amqp amqp;
    struct buf out;
    struct buf *line;
    uintptr_t sessions;
};

/* As hexadecimal digits; for proton a name ends at a zero. */
static void put_name(struct buf *out, struct slice name)
{
    text_hex(out, slice_head(name, slice_find(name, '\0')));
}

static void on_attach(struct frames *f, const struct amqp_event *ev)
{
    struct buf *name = NEW(struct buf);
    put_name(name, ev->attach.name);
    buf_printf(f->line, " attach=%zu,%s", (size_t)(uintptr_t)ev->session->user, buf_cstr(name));
    ev->link->user = name;
    amqp_answer_attach(ev->link, &(struct amqp_link_answer){0});
    if (!ev->link->sender) amqp_send_flow(ev->link, CREDIT, false);
}

static void on_detach(const struct amqp_event *ev)
{
    buf_free(ev->link->user);
    free(ev->link->user);
}

static void take(struct frames *f, const struct amqp_event *ev)
{
    switch (ev->kind) {
    case AMQP_ON_OPEN:
        buf_put_str(f->line, " open=");
        put_name(f->line, ev->open.container_id);
        amqp_send_open(&f->amqp);
        break;
    case AMQP_ON_BEGIN:
        buf_put_str(f->line, " begin");
        ev->session->user = (void *)f->sessions++;
        break;
    case AMQP_ON_ATTACH: on_attach(f, ev); break;
    case AMQP_ON_DELIVERY:
        buf_printf(f->line, " delivery=%s,", buf_cstr(ev->link->user));
        text_hex(f->line, ev->delivery.payload);
        break;
    case AMQP_ON_DETACH: on_detach(ev); break;
    default: break;
    }
}

void parsed_amqp_frames(struct slice input, struct buf *line)
{
    static const struct amqp_config config = {.role = AMQP_SERVER, .container_id = "server"};
    struct frames f = {.line = line};
    struct amqp_event ev;
    enum err e;
    amqp_init(&f.amqp, &config, &f.out, 0);
    amqp_feed(&f.amqp, input, 0);
    while ((e = amqp_next(&f.amqp, &ev)) == OK) take(&f, &ev);
    if (e == ERR_AGAIN || e == ERR_CLOSED)
        buf_put_str(line, e == ERR_AGAIN ? " more" : " closed");
    else
        parsed_refused(line, f.amqp.words ? f.amqp.words : "the protocol header");
    amqp_hang_up(&f.amqp);
    while (amqp_next(&f.amqp, &ev) == OK) take(&f, &ev);
    amqp_fini(&f.amqp);
    buf_free(&f.out);
}
