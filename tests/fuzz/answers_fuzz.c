/* answers_fuzz.c - what targets of messages answer, and where a message is put at a broker.  The first byte says what the
 * rest is:
 *
 *   c  an answer of Cosmos DB: its status, lines of its head, an empty line, its body
 *   g  of a webhook to the validation of Event Grid's schema, e to that of CloudEvents: likewise
 *   a  who agrees by hand: the code, a line's end, the rate that he grants
 *   t  a template of a topic, a line's end, the device of the message, a line's end, the job of it
 *
 * Who has not shown the code, or allowed our origin, is not connected; a pause and a rate are within their limits; what is
 * said for people is a line of text.  A topic is one that a broker takes, and has as many levels as its template.
 */
#include "base/json.h"
#include "base/num.h"
#include "base/rand.h"
#include "deliver/bridge/topic.h"
#include "deliver/cosmos/answer.h"
#include "deliver/webhook/agreement.h"
#include "deliver/webhook/webhook.h"
#include "fuzz.h"

#define CODE "00000000-0000-4000-8000-000000000000" /* of a source of zeros */

static const struct hub hub = {
    .name = "hub", .hosts = {"hub.test"}, .host_count = 1, .https_port = 8443};
static struct arena arena;

static struct world {
    struct out_wait *asked;
    struct deliver_outcome_seen {
        bool came;
        enum deliver_outcome outcome;
        int64_t pause_us;
    } seen;
} w;

/* ---- an answer as it is written here */

static void read_answer(struct slice text, struct out_answer *a)
{
    uint64_t status = 0;
    struct slice line = SLICE_NONE;
    *a = (struct out_answer){.text = "it is late"};
    slice_split(&text, '\n', &line);
    if (num_u64(line, &status) != OK || status > 999) status = 0;
    if (status < 100) a->err = status % 2 ? ERR_DENIED : ERR_TIMEOUT;
    a->http = a->err == OK ? (unsigned)status : 0;
    a->head = text;
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (memcmp(text.ptr + i, "\n\n", 2) != 0) continue;
        a->head = slice_head(text, i + 1);
        a->body = slice_from(text, i + 2);
        break;
    }
}

static void check_line(const char *text)
{
    assert(text[0]);
    for (; *text; text++) assert((unsigned char)*text >= ' ' && *text != 0x7f && *text != '"');
}

static void check_pause(int64_t pause_us)
{
    assert(pause_us >= 0 && pause_us <= DELIVER_PAUSE_ASKED_MAX_S * INT64_C(1000000));
}

/* ---- Cosmos DB */

static void check_cosmos(struct slice text)
{
    struct out_answer a;
    struct cosmos_verdict v;
    read_answer(text, &a);
    cosmos_judge(&a, &v);
    bool good = a.err == OK && a.http >= 200 && a.http < 300;
    assert((v.outcome == DELIVER_TAKEN) == good);
    assert(!good || (!v.denied && !v.throttled));
    assert(memchr(v.text, 0, sizeof v.text));
    check_line(v.text);
    check_pause(v.pause_us);
    for (int other = DELIVER_TAKEN; other <= DELIVER_REFUSED; other++)
        assert(!(cosmos_is_worse(v.outcome, (enum deliver_outcome)other) &&
                 cosmos_is_worse((enum deliver_outcome)other, v.outcome)));
}

/* ---- webhooks (CMakeLists.txt) */

#define WRAP(name, ...)                                                                            \
    void __wrap_##name(__VA_ARGS__);                                                               \
    void __wrap_##name(__VA_ARGS__)

WRAP(out_send, struct out *o, struct lane *lane, const struct out_request *r, struct out_wait *wait)
{
    (void)o, (void)lane;
    assert(w.asked == NULL && slice_is(r->url, "https://hook.test/"));
    w.asked = wait;
}

/* Nobody has agreed before. */
WRAP(webhook_agreement_look, struct webhook_agreement *a,
     void (*fn)(struct webhook_agreement *a, bool agreed))
{
    fn(a, false);
}

WRAP(webhook_agreement_keep, struct webhook_agreement *a)
{
    assert(a->rate <= WEBHOOK_RATE_MAX);
}

static void on_end(struct deliver_call *c, const struct deliver_result *r)
{
    (void)c;
    assert(!w.seen.came);
    w.seen = (struct deliver_outcome_seen){true, r->outcome, r->pause_us};
    check_pause(r->pause_us);
    if (r->outcome != DELIVER_TAKEN) check_line(r->text);
}

static struct deliver_target *open_hook(const char *schema)
{
    static const struct deliver_place place = {.hub = &hub, .name = "hook", .bit = 1};
    struct json *j = json_new(&arena, JSON_OBJECT);
    json_set(&arena, j, SLICE_LIT("endpointUri"),
             json_new_string(&arena, SLICE_LIT("https://hook.test/")));
    json_set(&arena, j, SLICE_LIT("schema"), json_new_string(&arena, slice_str(schema)));
    json_set(&arena, j, SLICE_LIT("maxEventsPerBatch"), json_new_i64(&arena, 10));
    json_set(&arena, j, SLICE_LIT("preferredBatchSizeInKilobytes"), json_new_i64(&arena, 64));
    return webhook_kind.open(&place, j);
}

static bool has_shown(const struct out_answer *a, bool cloud)
{
    struct json *body;
    if (a->err != OK || a->http < 200 || a->http > 299) return false;
    struct slice origin = out_answer_header(a, "WebHook-Allowed-Origin");
    if (cloud) return slice_is(origin, "*") || slice_is_nocase(origin, "hub.test");
    return json_parse(&arena, a->body, &body) == OK &&
           slice_is(json_str_nocase(body, "validationResponse"), CODE);
}

static void check_handshake(struct slice text, bool cloud)
{
    struct out_answer a;
    struct deliver_target *t = open_hook(cloud ? "CloudEventSchemaV1_0" : "EventGridSchema");
    struct deliver_call c = {.fn = on_end, .target = t};
    read_answer(text, &a);
    webhook_kind.connect(t, &c);
    assert(w.asked == &c.out);
    c.out.fn(&c.out, &a);
    assert(w.seen.came && (w.seen.outcome != DELIVER_TAKEN || has_shown(&a, cloud)));
    assert(webhook_kind.rate(t) <= WEBHOOK_RATE_MAX);
    webhook_kind.close(t);
}

static void check_agreement(struct slice text)
{
    struct deliver_target *t = open_hook("EventGridSchema");
    struct deliver_call c = {.fn = on_end, .target = t};
    struct routing_consent consent;
    struct slice line = SLICE_NONE;
    slice_split(&text, '\n', &line);
    consent = (struct routing_consent){line, text};
    webhook_kind.connect(t, &c);
    enum err e = webhook_kind.agree(t, &consent);
    assert(e == OK || e == ERR_NOT_FOUND || (e == ERR_INVALID && fail_text()[0]));
    assert((e == ERR_NOT_FOUND) == !slice_is(line, CODE));
    assert(webhook_kind.rate(t) <= WEBHOOK_RATE_MAX);
    webhook_kind.close(t);
}

/* ---- topics of a bridge */

static void put_text(struct buf *out, struct slice text)
{
    buf_put_u8(out, 0xa1); /* str8 */
    buf_put_u8(out, (uint8_t)text.len);
    buf_put_slice(out, text);
}

/* Annotations with the device, application properties with the job; an id that is empty is not there. */
static void put_message(struct slice device, struct slice job, struct buf *pairs,
                        struct buf *sections)
{
    if (device.len) {
        put_text(pairs, SLICE_LIT("iothub-connection-device-id"));
        put_text(pairs, device);
    }
    if (job.len == 0) return;
    buf_put(sections, "\x00\x53\x74\xd1", 4);
    uint32_t size = (uint32_t)(4 + 2 + 5 + 2 + job.len);
    for (unsigned i = 0; i < 4; i++) buf_put_u8(sections, (uint8_t)(size >> (24 - 8 * i)));
    buf_put(sections, "\x00\x00\x00\x02", 4);
    put_text(sections, SLICE_LIT("jobId"));
    put_text(sections, job);
}

static size_t levels(struct slice topic)
{
    size_t n = 0;
    for (size_t i = 0; i < topic.len; i++) n += topic.ptr[i] == '/';
    return n;
}

static void check_put(struct slice template, struct slice device, struct slice job)
{
    struct buf pairs = {0}, sections = {0}, topic = {0};
    struct message m = {0};
    put_message(device, job, &pairs, &sections);
    const struct record r = {.pairs = buf_slice(&pairs),
                             .sections = buf_slice(&sections),
                             .pair_count = device.len > 0,
                             .source = RECORD_TELEMETRY};
    m.record = &r;
    enum err e = amqp_message_parse(r.sections, &m.sections);
    assert(e == OK);
    bridge_topic_put(template, &hub, &m, &topic);
    struct slice text = buf_slice(&topic);
    assert(text.len == 0 || text.ptr[0] != '$');
    assert(levels(text) == levels(template));
    for (size_t i = 0; i < text.len; i++)
        assert(text.ptr[i] >= ' ' && text.ptr[i] != 0x7f && text.ptr[i] != '+' &&
               text.ptr[i] != '#');
    buf_free(&pairs);
    buf_free(&sections);
    buf_free(&topic);
}

static void check_topic(struct slice text)
{
    struct slice template = SLICE_NONE, device = SLICE_NONE, job;
    slice_split(&text, '\n', &template);
    slice_split(&text, '\n', &device);
    job = text;
    if (bridge_topic_check(template) != OK) {
        assert(fail_text()[0]);
        return;
    }
    if (!hub_id_valid(device)) device = SLICE_NONE;
    if (!hub_id_valid(job)) job = SLICE_NONE;
    check_put(template, device, job);
}

static void zeros(void *out, size_t len)
{
    memset(out, 0, len);
}

void fuzz_one(struct slice input)
{
    struct slice rest = slice_from(input, 1);
    w = (struct world){0};
    (void)!fail(ERR_INVALID, "%s", "");
    rand_use(zeros);
    switch (input.len ? input.ptr[0] : 0) {
    case 'c': check_cosmos(rest); break;
    case 'g': check_handshake(rest, false); break;
    case 'e': check_handshake(rest, true); break;
    case 'a': check_agreement(rest); break;
    case 't': check_topic(rest); break;
    default: break;
    }
    rand_use(NULL);
    arena_free(&arena);
}
