/* hub_amqp_fuzz.c - what devices, services and readers say to a whole hub over AMQP, while a service asks for things over
 * HTTP.  Acts, each behind its length in two bytes, little-endian; the first byte says which:
 *
 *     C            another connection, with a session and links to $cbs (handles 8 and 9)
 *     k WHO        puts a token to $cbs: of that policy, or of an identity's own
 *     a H ADDRESS  attaches a sender; a byte 0 behind the address and a model's id
 *     r H ADDRESS  attaches a receiver, likewise with a selector; "s" one that is sent settled
 *     c H N        N credits for it
 *     t H ..       a message's sections; "T" settled; "b" a batch
 *     d STATE      settles all that came: a accepted, r rejected, l released, m modified
 *     x H          detaches;  "w" frames as they are;  "e" ends the connection
 *     h LINE       a service asks (whole_service.h)
 *     + N N        time passes: seconds, little-endian
 *
 * What the hub sends are whole frames; what was sent to it unsettled is settled once at most, and nothing else; what it
 * sends has numbers that count up.
 */
#include <stdio.h>

#include "amqp_heard.h"
#include "base/amqp.h"
#include "base/cur.h"
#include "fuzz.h"
#include "proto/amqp/testing/testing.h"
#include "whole_service.h"

enum {
    SENT_MAX = 256,
    ACTS_MAX = 100,
    HANDLES = 10,
    ROOM = 5000, /* of sessions */
    WAIT_S = 900,
};

static struct {
    struct rig_conn *conn; /* NULL: none */
    uint32_t sent;         /* deliveries of ours */
    bool owed[SENT_MAX];
    uint32_t heard;   /* deliveries of the hub's: so many */
    uint32_t settled; /* of which we have settled the first */
    bool wild;        /* it has said what is not counted here */
} w;

/* ---- what the hub says */

static struct amqp_value next(struct cur *c)
{
    struct amqp_value v = {.type = AMQP_NULL};
    enum err e = cur_left(c) ? amqp_get(c, &v) : OK;
    assert(e == OK);
    return v;
}

/* The first transfer of a delivery has its number. */
static void take_transfer(struct cur c)
{
    next(&c);
    struct amqp_value id = next(&c);
    if (id.type == AMQP_NULL || w.wild) return;
    assert(id.u == w.heard || id.u + 1 == w.heard); /* a later transfer of it may say so, too */
    w.heard = (uint32_t)id.u + 1;
}

/* The hub is the receiver of what we sent. */
static void take_disposition(struct cur c)
{
    bool of_receiver = next(&c).u;
    uint64_t first = next(&c).u;
    struct amqp_value last = next(&c);
    if (!of_receiver || w.wild) return;
    uint64_t end = last.type == AMQP_NULL ? first : last.u;
    for (; first <= end; first++) {
        assert(first < w.sent && w.owed[first]);
        w.owed[first] = false;
    }
}

static void hang_up(void)
{
    if (w.conn) rig_free(w.conn);
    memset(&w, 0, sizeof w);
}

static void listen(void)
{
    if (w.conn == NULL) return;
    struct slice rest = buf_slice(&w.conn->heard);
    struct amqp_heard f;
    while (amqp_heard_next(&rest, &f)) {
        if (f.code == CODE_TRANSFER) take_transfer(cur_of(f.fields));
        if (f.code == CODE_DISPOSITION) take_disposition(cur_of(f.fields));
    }
    buf_clear(&w.conn->heard);
    if (w.conn->shut) hang_up();
}

/* ---- what it is told */

static void say_bytes(struct slice bytes)
{
    if (w.conn && !w.conn->shut) rig_say(w.conn, bytes);
    listen();
}

static void say(const char *fmt, ...) PRINTF(1, 2);

static void say(const char *fmt, ...)
{
    struct buf text = {0}, bytes = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    wire_put(&bytes, buf_cstr(&text));
    say_bytes(buf_slice(&bytes));
    buf_free(&text);
    buf_free(&bytes);
}

static void greet(void)
{
    hang_up();
    w.conn = rig_dial(&whole, WIRE_AMQP);
    snprintf(w.conn->conn.peer, sizeof w.conn->conn.peer, "192.0.2.9:4000");
    say("AMQP0\n0 open[\"client\" \"hub.test\"]\n0 begin[null 1 %d %d]\n"
        "0 attach[\"cbs-in\" 8 false 0b 0b @40 [\"me\"] @41 [\"$cbs\"]]\n"
        "0 attach[\"cbs-out\" 9 true 0b 0b @40 [\"$cbs\"] @41 [\"me\"]]\n"
        "0 flow[1 %d 1 %d 9 0 100]",
        ROOM, ROOM, ROOM, ROOM);
}

/* A frame of a transfer: `fields` as text, and what is behind them as it is. */
static void transfer(unsigned handle, bool settled, unsigned format, struct slice sections)
{
    struct buf bytes = {0};
    char text[100];
    if (w.sent == SENT_MAX || w.conn == NULL) return;
    w.owed[w.sent] = !settled;
    snprintf(text, sizeof text, "0 transfer[%u %u b\"t\" %u %s]", handle, w.sent++, format,
             settled ? "true" : "false");
    wire_put(&bytes, text);
    buf_put_slice(&bytes, sections);
    uint32_t size = __builtin_bswap32((uint32_t)buf_size(&bytes));
    memcpy(bytes.ptr + bytes.off, &size, sizeof size);
    say_bytes(buf_slice(&bytes));
    buf_free(&bytes);
}

static void put_token(struct slice who)
{
    struct buf token = {0}, message = {0}, text = {0};
    char policy[SAS_POLICY_MAX + 1];
    snprintf(policy, sizeof policy, "%.*s", SLICE_ARG(who));
    if (policies_find(&whole.wire.policies, who))
        rig_token(&whole, policy, "", &token);
    else
        whole_own_token(who, &token);
    static const char *const sections[] = {"@115 [\"id\"]", "@116 {\"operation\" \"put-token\"}"};
    for (unsigned i = 0; i < 2; i++) wire_put_value(&message, sections[i]);
    buf_printf(&text, "@119 \"%s\"", buf_cstr(&token));
    if (!slice_has(buf_slice(&token), "\"\\")) wire_put_value(&message, buf_cstr(&text));
    transfer(8, true, 0, buf_slice(&message));
    buf_free(&token);
    buf_free(&message);
    buf_free(&text);
}

/* As a text has them in quotes. */
static void put_quoted(struct buf *out, struct slice text)
{
    buf_put_u8(out, '"');
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] >= ' ' && text.ptr[i] < 0x7f && text.ptr[i] != '"' && text.ptr[i] != '\\')
            buf_put_u8(out, text.ptr[i]);
    buf_put_u8(out, '"');
}

/* Each link has its handle's name. */
static void attach(unsigned handle, bool receives, bool settled, struct slice text)
{
    struct slice address;
    struct buf quoted = {0}, more = {0};
    slice_split(&text, '\0', &address);
    put_quoted(&quoted, address);
    put_quoted(&more, text);
    if (receives && text.len)
        say("0 attach[\"l%u\" %u true %s @40 [%s null null null null null null "
            "{'apache.org:selector-filter:string' @77567109365764 %s}] @41 "
            "[\"me\"]]",
            handle, handle, settled ? "1b 0b" : "0b 1b", buf_cstr(&quoted), buf_cstr(&more));
    else if (receives)
        say("0 attach[\"l%u\" %u true %s @40 [%s] @41 [\"me\"]]", handle, handle,
            settled ? "1b 0b" : "0b 1b", buf_cstr(&quoted));
    else
        say("0 attach[\"l%u\" %u false 2b 0b @40 [\"me\"] @41 [%s] null null 0 null null null "
            "{'com.microsoft:model-id' %s}]",
            handle, handle, buf_cstr(&quoted), buf_cstr(&more));
    buf_free(&quoted);
    buf_free(&more);
}

static void settle(uint8_t how)
{
    static const struct {
        uint8_t letter;
        const char *state;
    } states[] = {{'a', "@36 []"}, {'r', "@37 []"}, {'l', "@38 []"}, {'m', "@39 []"}};
    if (w.settled == w.heard || w.wild) return;
    for (unsigned i = 0; i < 4; i++)
        if (states[i].letter == how)
            say("0 disposition[true %u %u true %s]", w.settled, w.heard - 1, states[i].state);
    w.settled = w.heard;
}

static void pass(struct slice number)
{
    unsigned low = number.len > 0 ? number.ptr[0] : 1, high = number.len > 1 ? number.ptr[1] : 0;
    rig_wait(&whole, (int64_t)(low + 256 * high) * WHOLE_SECOND_US);
    listen();
}

/* ---- acts */

/* Of those that name a link. */
static void act_on(uint8_t verb, unsigned handle, struct slice rest)
{
    switch (verb) {
    case 'a': attach(handle, false, false, rest); break;
    case 'r': attach(handle, true, false, rest); break;
    case 's': attach(handle, true, true, rest); break;
    case 'c':
        say("0 flow[%u %d %u %d %u 0 %u]", w.heard, ROOM, w.sent, ROOM, handle,
            rest.len ? rest.ptr[0] : 1);
        break;
    case 't': transfer(handle, false, 0, rest); break;
    case 'T': transfer(handle, true, 0, rest); break;
    case 'b': transfer(handle, false, 0x80013700, rest); break;
    case 'x': say("0 detach[%u true]", handle); break;
    default: break;
    }
}

static void act(struct slice text)
{
    uint8_t verb = text.len ? text.ptr[0] : 0;
    struct slice rest = slice_from(text, 1);
    switch (verb) {
    case 'C': greet(); break;
    case 'k': put_token(rest); break;
    case 'd': settle(rest.len ? rest.ptr[0] : 'a'); break;
    case 'e': hang_up(); break;
    case 'h': whole_service_ask(rest); break;
    case '+': pass(rest); break;
    case 'w':
        w.wild = true;
        say_bytes(rest);
        break;
    default:
        if (rest.len && w.conn) act_on(verb, rest.ptr[0] % HANDLES, slice_from(rest, 1));
    }
    whole_service_collect();
    listen();
}

static struct slice cut_act(struct slice *input)
{
    size_t len = input->len < 2 ? 0 : input->ptr[0] + 256u * input->ptr[1];
    struct slice text = slice_head(slice_from(*input, 2), len);
    *input = slice_from(*input, 2 + text.len);
    return text;
}

void fuzz_one(struct slice input)
{
    whole_begin();
    greet();
    for (unsigned i = 0; i < ACTS_MAX && input.len > 2; i++) act(cut_act(&input));
    for (int64_t s = 0; whole_service_waits(); s += 10) {
        assert(s < WAIT_S);
        rig_wait(&whole, 10 * WHOLE_SECOND_US);
        listen();
        whole_service_collect();
    }
    hang_up();
    whole_end();
}
