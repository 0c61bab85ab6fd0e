/* service.c - see service.h. */
#include "cli/service.h"

#include "base/rand.h"

static enum err refused(const struct service *s, const struct amqp_error *error, const char *what)
{
    static const struct {
        const char *condition;
        enum err code;
    } known[] = {
        {AMQP_UNAUTHORIZED, ERR_DENIED},
        {AMQP_NOT_FOUND, ERR_NOT_FOUND},
        {AMQP_RESOURCE_LIMIT, ERR_FULL},
        {AMQP_MESSAGE_SIZE_EXCEEDED, ERR_TOO_BIG},
        {"com.microsoft:argument-error", ERR_INVALID},
        {AMQP_CONNECTION_FORCED, ERR_CLOSED},
    };
    enum err code = error->condition.len ? ERR_PROTOCOL : ERR_CLOSED;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_is(error->condition, known[i].condition)) code = known[i].code;
    return fail(code, "%s refused %s: %.*s (%.*s)", s->cfg->host, what,
                SLICE_ARG(error->description), SLICE_ARG(error->condition));
}

static enum err on_mechanisms(struct service *s)
{
    struct buf response = {0};
    buf_put_u8(&response, 0);
    buf_put_str(&response, s->cfg->login);
    buf_put_u8(&response, 0);
    buf_put_slice(&response, s->cfg->token);
    amqp_send_sasl_init(&s->amqp, "PLAIN", buf_slice(&response));
    buf_free(&response);
    return OK;
}

static enum err on_outcome(struct service *s, uint8_t outcome)
{
    enum { UNSETTLED = 0, FIRST = 0 };
    struct slice there = slice_str(s->cfg->address), here = SLICE_LIT("azimuth");
    if (outcome) return fail(ERR_DENIED, "%s refused the login", s->cfg->host);
    amqp_send_open(&s->amqp);
    struct amqp_session *session = amqp_send_begin(&s->amqp);
    assert(session);
    const struct amqp_link_config link = {.name = slice_str(s->container),
                                          .sender = s->cfg->sends,
                                          .snd_mode = UNSETTLED,
                                          .rcv_mode = FIRST,
                                          .source = s->cfg->sends ? here : there,
                                          .target = s->cfg->sends ? there : here};
    s->link = amqp_send_attach(session, &link);
    assert(s->link);
    if (!s->cfg->sends) amqp_send_flow(s->link, SERVICE_CREDIT, false);
    return OK;
}

static bool become_ready(struct service *s, struct service_event *ev)
{
    bool now = !s->ready && (!s->cfg->sends || amqp_can_send(s->link));
    s->ready = s->ready || now;
    ev->kind = SERVICE_READY;
    return now;
}

static enum err on_disposition(struct service *s, struct service_event *ev, bool *told)
{
    const struct amqp_disposition *d = &s->got.disposition;
    if (!s->cfg->sends || !d->from_receiver) return OK;
    ev->kind = SERVICE_ACCEPTED;
    *told = true;
    return d->outcome == AMQP_ACCEPTED ? OK : refused(s, &d->error, "the message");
}

static enum err on_delivery(struct service *s, struct service_event *ev, bool *told)
{
    ev->kind = SERVICE_MESSAGE;
    *told = true;
    if (amqp_message_parse(s->got.delivery.payload, &ev->message) == OK) return OK;
    return fail(ERR_PROTOCOL, "%s sent what is not a message", s->cfg->host);
}

/* One event of the engine; `*told` when the caller has to hear of it. */
static enum err handle(struct service *s, struct service_event *ev, bool *told)
{
    switch (s->got.kind) {
    case AMQP_ON_SASL_MECHANISMS: return on_mechanisms(s);
    case AMQP_ON_SASL_OUTCOME: return on_outcome(s, s->got.outcome);
    case AMQP_ON_ATTACH:
    case AMQP_ON_FLOW: *told = become_ready(s, ev); return OK;
    case AMQP_ON_DISPOSITION: return on_disposition(s, ev, told);
    case AMQP_ON_DELIVERY: return on_delivery(s, ev, told);
    case AMQP_ON_DETACH: return refused(s, &s->got.error, "the link");
    case AMQP_ON_END: return refused(s, &s->got.error, "the session");
    case AMQP_ON_CLOSE: return refused(s, &s->got.error, "the connection");
    default: return OK;
    }
}

enum err service_next(struct service *s, struct service_event *ev)
{
    while (s->fate == OK) {
        bool told = false;
        enum err end = amqp_next(&s->amqp, &s->got);
        if (end == ERR_AGAIN) return end;
        if (end == ERR_DENIED) end = fail(end, "%s refused the login", s->cfg->host);
        if (s->amqp.fate == ERR_TIMEOUT) /* and has refused nothing */
            end = fail(ERR_TIMEOUT, "%s fell silent", s->cfg->host);
        s->fate = end == OK ? handle(s, ev, &told) : end;
        if (s->fate == OK && told) return OK;
    }
    return s->fate;
}

void service_send(struct service *s, struct slice sections)
{
    buf_put_slice(amqp_transfer_begin(s->link, &(struct amqp_transfer){.tag = SLICE_LIT("1")}),
                  sections);
    amqp_transfer_end(s->link);
}

void service_accept(struct service *s)
{
    const struct amqp_disposition d = {.from_receiver = true,
                                       .settled = true,
                                       .first = s->got.delivery.id,
                                       .last = s->got.delivery.id,
                                       .outcome = AMQP_ACCEPTED};
    amqp_send_disposition(s->got.session, &d);
    if (s->link->credit < SERVICE_CREDIT / 2) amqp_send_flow(s->link, SERVICE_CREDIT, false);
}

/* ---- life */

void service_init(struct service *s, const struct service_config *cfg, int64_t now_us)
{
    *s = (struct service){.cfg = cfg};
    rand_guid(s->container);
    s->amqp_cfg = (struct amqp_config){.role = AMQP_CLIENT,
                                       .container_id = s->container,
                                       .hostname = cfg->host,
                                       .sasl = true,
                                       .idle_ms = SERVICE_IDLE_MS};
    amqp_init(&s->amqp, &s->amqp_cfg, cfg->out, now_us);
}

void service_fini(struct service *s)
{
    amqp_fini(&s->amqp);
}

void service_feed(struct service *s, struct slice bytes, int64_t now_us)
{
    amqp_feed(&s->amqp, bytes, now_us);
}

int64_t service_deadline(const struct service *s)
{
    return amqp_deadline(&s->amqp);
}

void service_tick(struct service *s, int64_t now_us)
{
    amqp_tick(&s->amqp, now_us);
}

void service_close(struct service *s)
{
    if (s->fate == OK) amqp_send_close(&s->amqp, NULL);
}
