/* events.c - see events.h. */
#include "cli/events.h"

#include <stdio.h>

#include "base/num.h"
#include "base/rand.h"

enum { SETTLED = 1, FIRST = 0, ANSWER_CREDIT = 10 };

#define SELECTOR_NAME "apache.org:selector-filter:string"
#define SELECTOR_CODE 0x468C00000004ull /* as JavaScript and Go describe it */

/* ---- requests to $cbs and $management */

struct property {
    const char *name;
    struct slice value;
};

/* properties: message-id, to and reply-to; application properties; a string as the body. */
static void put_request(struct buf *out, const char *id, const char *to,
                        const struct property *properties, size_t count, struct slice body)
{
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    amqp_put_str(out, id);
    amqp_put_null(out); /* user-id */
    amqp_put_str(out, to);
    amqp_put_null(out); /* subject */
    amqp_put_str(out, "azimuth-reply");
    amqp_close(out, list, 5);
    amqp_put_descriptor(out, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(out);
    for (size_t i = 0; i < count; i++) {
        amqp_put_str(out, properties[i].name);
        amqp_put_string(out, properties[i].value);
    }
    amqp_close(out, map, (uint32_t)(2 * count));
    amqp_put_descriptor(out, AMQP_AMQP_VALUE);
    amqp_put_string(out, body);
}

static void put_token(struct events *e, struct slice token)
{
    const struct property properties[] = {
        {"operation", SLICE_LIT("put-token")},
        {"type", SLICE_LIT("servicebus.windows.net:sastoken")},
        {"name", slice_str(e->cfg->audience)},
    };
    if (e->cbs_out == NULL || !amqp_can_send(e->cbs_out)) return;
    struct buf *out = amqp_transfer_begin(e->cbs_out, &(struct amqp_transfer){.settled = true});
    put_request(out, "token", "$cbs", properties, 3, token);
    amqp_transfer_end(e->cbs_out);
}

static void put_question(struct events *e, const char *type, const char *partition)
{
    const struct property properties[] = {
        {"operation", SLICE_LIT("READ")},    {"name", slice_str(e->cfg->entity)},
        {"type", slice_str(type)},           {"security_token", e->cfg->token},
        {"partition", slice_str(partition)},
    };
    struct buf *out = amqp_transfer_begin(e->ask_out, &(struct amqp_transfer){.settled = true});
    put_request(out, "hub", "$management", properties, partition ? 5 : 4, SLICE_LIT(""));
    amqp_transfer_end(e->ask_out);
}

static void ask(struct events *e)
{
    put_question(e, "com.microsoft:eventhub", NULL);
}

static void ask_partition(struct events *e)
{
    char id[12];
    snprintf(id, sizeof id, "%u", e->walked);
    put_question(e, "com.microsoft:partition", id);
}

/* ---- links */

static struct amqp_link *attach_with(struct events *e, const char *name, bool sender,
                                     const char *address, struct slice filter,
                                     struct slice properties)
{
    struct slice there = slice_str(address), here = SLICE_LIT("azimuth-reply");
    const struct amqp_link_config cfg = {
        .name = slice_str(name),
        .sender = sender,
        .snd_mode = SETTLED,
        .rcv_mode = FIRST,
        .source = sender ? here : there,
        .target = sender ? there : here,
        .filter = filter,
        .properties = properties,
    };
    return amqp_send_attach(e->session, &cfg);
}

static struct amqp_link *attach(struct events *e, const char *name, bool sender,
                                const char *address)
{
    return attach_with(e, name, sender, address, SLICE_NONE, SLICE_NONE);
}

static void attach_pair(struct events *e, const char *name, const char *node, struct amqp_link **to,
                        struct amqp_link **from)
{
    char in[32];
    snprintf(in, sizeof in, "%s-in", name);
    *from = attach(e, in, false, node);
    *to = attach(e, name, true, node);
    assert(*from && *to);
    amqp_send_flow(*from, ANSWER_CREDIT, false);
}

/* Where Event Hubs are asked; a hub's own name would send us elsewhere (amqp:link:redirect), and the question says
 * whom it is for. */
static void attach_management(struct events *e)
{
    char node[512] = "$management";
    if (!slice_eq_nocase(slice_str(e->cfg->entity), SLICE_LIT(EVENTS_IOT_NAME)))
        snprintf(node, sizeof node, "%s/$management", e->cfg->entity);
    e->state = EVENTS_ASKING;
    attach_pair(e, "management", node, &e->ask_out, &e->ask_in);
}

/* {symbol: described string}; the descriptor needs eight bytes. */
static void put_selector(struct buf *out, const char *text)
{
    struct amqp_open map = amqp_open_map(out);
    amqp_put_sym(out, SELECTOR_NAME);
    buf_put_u8(out, 0x00);
    buf_put_u8(out, 0x80);
    buf_put_be64(out, SELECTOR_CODE);
    amqp_put_str(out, text);
    amqp_close(out, map, 2);
}

static void put_wish(struct buf *out)
{
    struct amqp_open map = amqp_open_map(out);
    amqp_put_sym(out, "azimuth:all-records");
    amqp_put_bool(out, true);
    amqp_close(out, map, 2);
}

enum err events_read(struct events *e, unsigned partition, const char *selector)
{
    char address[512], name[64];
    struct buf filter = {0}, wish = {0};
    snprintf(address, sizeof address, "%s/ConsumerGroups/%s/Partitions/%u", e->cfg->entity,
             e->cfg->group, partition);
    snprintf(name, sizeof name, "%s-%u", e->container, partition);
    put_selector(&filter, selector);
    if (e->cfg->all) put_wish(&wish);
    struct amqp_link *l =
        attach_with(e, name, false, address, buf_slice(&filter), buf_slice(&wish));
    buf_free(&filter);
    buf_free(&wish);
    if (l == NULL) return fail(ERR_FULL, "the hub has too many partitions");
    l->user = &e->readers[partition];
    e->readers[partition] = l;
    amqp_send_flow(l, EVENTS_CREDIT, false);
    e->opened++;
    return OK;
}

static enum err attach_partition(struct events *e, struct slice id)
{
    uint64_t number;
    if (num_u64(id, &number) != OK || number >= EVENTS_PARTITIONS_MAX)
        return fail(ERR_PROTOCOL, "the hub has a partition '%.*s'", SLICE_ARG(id));
    e->partitions++;
    if (e->cfg->sends || e->cfg->walks) return OK;
    return events_read(e, (unsigned)number, e->cfg->selector);
}

/* ---- answers */

static int64_t status_of(const struct amqp_message *m)
{
    struct amqp_value code;
    int64_t number = 0;
    if (m->application.type == AMQP_MAP && amqp_map_find(&m->application, "status-code", &code))
        (void)amqp_integer(&code, &number);
    return number;
}

static enum err check_status(const struct events *e, const struct amqp_message *m, const char *what)
{
    struct amqp_value words = {0};
    int64_t status = status_of(m);
    if (status >= 200 && status < 300) return OK;
    if (m->application.type == AMQP_MAP)
        (void)amqp_map_find(&m->application, "status-description", &words);
    struct slice text = amqp_text(&words);
    enum err code = status == 401 || status == 403 ? ERR_DENIED
                    : status == 404                ? ERR_NOT_FOUND
                                                   : ERR_PROTOCOL;
    return fail(code, "%s refused %s: %.*s (%lld)", e->cfg->host, what, SLICE_ARG(text),
                (long long)status);
}

/* What does not change with the name that it was called by: ours says it, of others the day it was made
 * has to do. */
static void take_identity(struct events *e, const struct amqp_value *description)
{
    struct amqp_value said = {0}, name = {0}, made = {0};
    (void)amqp_map_find(description, "azimuth_identity", &said);
    (void)amqp_map_find(description, "name", &name);
    (void)amqp_map_find(description, "created_at", &made);
    struct slice identity = amqp_text(&said), called = amqp_text(&name);
    if (identity.len)
        snprintf(e->identity, sizeof e->identity, "%.*s", SLICE_ARG(identity));
    else
        snprintf(e->identity, sizeof e->identity, "%.*s@%lld", SLICE_ARG(called),
                 (long long)made.i);
}

/* What happens now that the partitions are known. */
static void go_on(struct events *e, struct events_event *ev, bool *told)
{
    bool walks = e->cfg->walks && !e->cfg->sends;
    e->state = walks ? EVENTS_WALKING : EVENTS_READING;
    if (walks) ask_partition(e);
    *told = e->cfg->sends;
    *ev = (struct events_event){.kind = EVENTS_READY, .count = e->partitions};
}

/* partition_ids is an array of strings, from some servers a list. */
static enum err take_partitions(struct events *e, const struct amqp_message *m,
                                struct events_event *ev, bool *told)
{
    struct amqp_value ids, id;
    TRY(check_status(e, m, "to describe the event hub"));
    if (m->body_kind != AMQP_AMQP_VALUE || m->value.type != AMQP_MAP ||
        !amqp_map_find(&m->value, "partition_ids", &ids) ||
        (ids.type != AMQP_ARRAY && ids.type != AMQP_LIST))
        return fail(ERR_PROTOCOL, "%s does not name the partitions", e->cfg->host);
    struct cur c = cur_of(ids.bytes);
    for (uint32_t i = 0; i < ids.count; i++) {
        TRY(ids.type == AMQP_ARRAY ? amqp_get_element(&c, &ids, &id) : amqp_get(&c, &id));
        TRY(attach_partition(e, amqp_text(&id)));
    }
    if (e->partitions == 0) return fail(ERR_PROTOCOL, "%s has no partitions", e->cfg->host);
    take_identity(e, &m->value);
    go_on(e, ev, told);
    return OK;
}

static int64_t number_of(const struct amqp_value *map, const char *name, int64_t otherwise)
{
    struct amqp_value v;
    int64_t number;
    return amqp_map_find(map, name, &v) && amqp_integer(&v, &number) ? number : otherwise;
}

static enum err take_partition(struct events *e, const struct amqp_message *m,
                               struct events_event *ev)
{
    struct amqp_value time;
    TRY(check_status(e, m, "to describe a partition"));
    if (m->body_kind != AMQP_AMQP_VALUE || m->value.type != AMQP_MAP)
        return fail(ERR_PROTOCOL, "%s does not describe a partition", e->cfg->host);
    *ev = (struct events_event){.kind = EVENTS_PARTITION,
                                .partition = e->walked,
                                .first = number_of(&m->value, "begin_sequence_number", 0),
                                .last = number_of(&m->value, "last_enqueued_sequence_number", -1)};
    if (amqp_map_find(&m->value, "last_enqueued_time_utc", &time)) ev->last_ms = time.i;
    e->walked++;
    return OK;
}

/* ---- what the engine says */

static enum err refused(const struct events *e, const struct amqp_error *error, const char *what)
{
    static const struct {
        const char *condition;
        enum err code;
    } known[] = {
        {AMQP_UNAUTHORIZED, ERR_DENIED},      {AMQP_NOT_FOUND, ERR_NOT_FOUND},
        {AMQP_STOLEN, ERR_CONFLICT},          {AMQP_RESOURCE_LIMIT, ERR_FULL},
        {AMQP_CONNECTION_FORCED, ERR_CLOSED},
    };
    enum err code = error->condition.len ? ERR_PROTOCOL : ERR_CLOSED;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_is(error->condition, known[i].condition)) code = known[i].code;
    return fail(code, "%s ended %s: %.*s (%.*s)", e->cfg->host, what, SLICE_ARG(error->description),
                SLICE_ARG(error->condition));
}

static enum err on_mechanisms(struct events *e)
{
    struct buf response = {0};
    if (e->cfg->login) {
        buf_put_u8(&response, 0);
        buf_put_str(&response, e->cfg->login);
        buf_put_u8(&response, 0);
        buf_put_slice(&response, e->cfg->token);
    }
    amqp_send_sasl_init(&e->amqp, e->cfg->login ? "PLAIN" : "ANONYMOUS", buf_slice(&response));
    buf_free(&response);
    return OK;
}

static enum err on_outcome(struct events *e, uint8_t outcome)
{
    if (outcome) return fail(ERR_DENIED, "%s refused the login", e->cfg->host);
    amqp_send_open(&e->amqp);
    e->session = amqp_send_begin(&e->amqp);
    assert(e->session);
    e->state = EVENTS_TOKEN;
    if (e->cfg->login) {
        e->state = EVENTS_ASKED; /* to be sent elsewhere, which a receiver is enough for */
        e->ask_in = attach(e, "management", false, EVENTS_IOT_NAME "/$management");
    } else
        attach_pair(e, "cbs", "$cbs", &e->cbs_out, &e->cbs_in);
    return OK;
}

/* The first credit on a link of requests: the question goes out. */
static void on_flow(struct events *e, struct amqp_link *l)
{
    if (l == NULL || !amqp_can_send(l)) return;
    if (l == e->cbs_out && e->state == EVENTS_TOKEN) {
        put_token(e, e->cfg->token);
        e->state = EVENTS_TOKEN_SENT;
    } else if (l == e->ask_out && e->state == EVENTS_ASKING) {
        ask(e);
        e->state = EVENTS_ASKED;
    }
}

static enum err on_answer(struct events *e, const struct amqp_event *got, struct events_event *ev,
                          bool *told)
{
    struct amqp_message m;
    if (amqp_message_parse(got->delivery.payload, &m) != OK)
        return fail(ERR_PROTOCOL, "%s sent what is not a message", e->cfg->host);
    *told = got->link == e->ask_in && e->state == EVENTS_WALKING;
    if (*told) return take_partition(e, &m, ev);
    if (got->link == e->ask_in) return take_partitions(e, &m, ev, told);
    TRY(check_status(e, &m, "the token"));
    if (e->state == EVENTS_TOKEN_SENT) attach_management(e);
    return OK;
}

static void settle(const struct events *e, const struct amqp_event *got)
{
    const struct amqp_disposition d = {
        .from_receiver = true,
        .settled = true,
        .first = got->delivery.id,
        .last = got->delivery.id,
        .outcome = AMQP_ACCEPTED,
    };
    if (!got->delivery.settled) amqp_send_disposition(got->session, &d);
    if (got->link == e->ask_in && got->link->credit < ANSWER_CREDIT / 2)
        amqp_send_flow(got->link, ANSWER_CREDIT, false);
    if (got->link->user && !e->cfg->walks && got->link->credit < EVENTS_CREDIT / 2)
        amqp_send_flow(got->link, EVENTS_CREDIT, false);
}

static enum err on_event(struct events *e, const struct amqp_event *got, struct events_event *ev)
{
    ev->kind = EVENTS_EVENT;
    ev->partition = (unsigned)((struct amqp_link *const *)got->link->user - e->readers);
    if (amqp_message_parse(got->delivery.payload, &ev->message) != OK)
        return fail(ERR_PROTOCOL, "%s sent an event that is not a message", e->cfg->host);
    return OK;
}

/* amqps://host:port/entity/$management */
static enum err on_redirect(struct events *e, const struct amqp_error *error,
                            struct events_event *ev)
{
    struct amqp_value info, address, port, host;
    struct cur c = cur_of(error->info);
    int64_t number = 5671;
    if (amqp_get(&c, &info) != OK || info.type != AMQP_MAP ||
        !amqp_map_find(&info, "address", &address) || !amqp_map_find(&info, "hostname", &host))
        return fail(ERR_PROTOCOL, "%s sends us elsewhere without an address", e->cfg->host);
    if (amqp_map_find(&info, "port", &port)) (void)amqp_integer(&port, &number);
    struct slice path = amqp_text(&address);
    size_t scheme = slice_find(path, ':');
    if (slice_starts(slice_from(path, scheme), SLICE_LIT("://")))
        path = slice_from(path, scheme + 3);
    path = slice_from(path, slice_find(path, '/') + 1);
    struct slice tail = SLICE_LIT("/$management");
    if (slice_ends(path, tail)) path.len -= tail.len;
    ev->kind = EVENTS_REDIRECTED;
    ev->host = amqp_text(&host);
    ev->entity = path;
    ev->port = (unsigned)number;
    return OK;
}

/* One event of the engine; `*told` when the caller has to hear of it. */
static enum err handle(struct events *e, struct amqp_event *got, struct events_event *ev,
                       bool *told)
{
    switch (got->kind) {
    case AMQP_ON_SASL_MECHANISMS: return on_mechanisms(e);
    case AMQP_ON_SASL_OUTCOME: return on_outcome(e, got->outcome);
    case AMQP_ON_FLOW: on_flow(e, got->link); return OK;
    case AMQP_ON_DELIVERY:
        *told = got->link->user != NULL;
        TRY(*told ? on_event(e, got, ev) : on_answer(e, got, ev, told));
        settle(e, got);
        return OK;
    case AMQP_ON_ATTACH:
        if (got->link->user == NULL || e->cfg->sends || e->cfg->walks) return OK;
        *told = ++e->attached == e->opened;
        *ev = (struct events_event){.kind = EVENTS_READY, .count = e->partitions};
        return OK;
    case AMQP_ON_DISPOSITION:
        *told = e->cfg->sends;
        *ev = (struct events_event){.kind = EVENTS_SETTLED, .settled = got->disposition};
        return OK;
    case AMQP_ON_DETACH:
        *told = slice_is(got->error.condition, AMQP_REDIRECT);
        if (!*told && e->cfg->sends && got->link->user) {
            *told = true;
            *ev = (struct events_event){
                .kind = EVENTS_REFUSED, .sender = got->link->user, .error = got->error};
            return OK;
        }
        return *told ? on_redirect(e, &got->error, ev) : refused(e, &got->error, "the reading");
    case AMQP_ON_END:
    case AMQP_ON_CLOSE: return refused(e, &got->error, "the connection");
    default: return OK;
    }
}

/* The partition that was told of last is being read, or not; now the next one. */
static bool walk_on(struct events *e, struct events_event *ev)
{
    if (e->state != EVENTS_WALKING || !e->told_partition) return false;
    e->told_partition = false;
    if (e->walked < e->partitions) {
        ask_partition(e);
        return false;
    }
    e->state = EVENTS_READING;
    *ev = (struct events_event){.kind = EVENTS_READY, .count = e->partitions};
    return true;
}

enum err events_next(struct events *e, struct events_event *ev)
{
    while (e->fate == OK) {
        bool told = false;
        if (walk_on(e, ev)) return OK;
        enum err end = amqp_next(&e->amqp, &e->got);
        if (end == ERR_AGAIN) return end;
        if (end == ERR_DENIED) end = fail(end, "%s refused the login", e->cfg->host);
        if (e->amqp.fate == ERR_TIMEOUT) /* and has ended nothing */
            end = fail(ERR_TIMEOUT, "%s fell silent", e->cfg->host);
        e->fate = end == OK ? handle(e, &e->got, ev, &told) : end;
        if (e->fate != OK || !told) continue;
        e->told_partition = ev->kind == EVENTS_PARTITION;
        return OK;
    }
    return e->fate;
}

/* ---- life */

void events_init(struct events *e, const struct events_config *cfg, int64_t now_us)
{
    *e = (struct events){.cfg = cfg};
    rand_guid(e->container);
    e->amqp_cfg = (struct amqp_config){.role = AMQP_CLIENT,
                                       .container_id = e->container,
                                       .hostname = cfg->host,
                                       .sasl = true,
                                       .idle_ms = EVENTS_IDLE_MS};
    amqp_init(&e->amqp, &e->amqp_cfg, cfg->out, now_us);
}

void events_fini(struct events *e)
{
    amqp_fini(&e->amqp);
}

void events_feed(struct events *e, struct slice bytes, int64_t now_us)
{
    amqp_feed(&e->amqp, bytes, now_us);
}

int64_t events_deadline(const struct events *e)
{
    return amqp_deadline(&e->amqp);
}

void events_tick(struct events *e, int64_t now_us)
{
    amqp_tick(&e->amqp, now_us);
}

void events_renew(struct events *e, struct slice token)
{
    put_token(e, token);
}

void events_credit(struct events *e, unsigned partition, uint32_t more)
{
    struct amqp_link *l = e->readers[partition];
    if (l && e->fate == OK) amqp_send_flow(l, l->credit + more, false);
}

struct amqp_link *events_attach_sender(struct events *e, const char *address, void *user)
{
    char name[80];
    snprintf(name, sizeof name, "%s-s%u", e->container, e->opened++);
    const struct amqp_link_config cfg = {
        .name = slice_str(name),
        .sender = true,
        .rcv_mode = FIRST,
        .source = SLICE_LIT("azimuth-replay"),
        .target = slice_str(address),
    };
    struct amqp_link *l = amqp_send_attach(e->session, &cfg);
    if (l) l->user = user;
    return l;
}

void events_close(struct events *e)
{
    if (e->fate == OK) amqp_send_close(&e->amqp, NULL);
}
