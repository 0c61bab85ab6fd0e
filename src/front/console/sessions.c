/* sessions.c - /admin/v1/sessions: who has signed in to the console, for administrators, who may end it;
 * /admin/v1/session/own: the same of one's own, for everybody who has signed in.
 *
 *   {"number":7,"name":"user maria","address":"10.0.0.7","began":...,"used":...,"expires":...,"own":false}
 *
 * Of a session's secrets nothing is told; its number opens nothing. */
#include "base/clock.h"
#include "base/num.h"
#include "base/say.h"
#include "base/text.h"
#include "front/console/parts.h"

/* `us` of the monotonic clock, as a time of day. */
static void put_time(struct buf *out, const char *name, int64_t us, int64_t now_us)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(clock_wall_us() + us - now_us, iso);
    buf_printf(out, ",\"%s\":\"%s\"", name, iso);
}

static void put_session(struct buf *out, const struct console_session *s, bool own, int64_t now_us)
{
    buf_printf(out, "{\"number\":%llu,\"name\":", (unsigned long long)s->number);
    text_json_string(out, slice_str(s->name));
    buf_put_str(out, ",\"address\":");
    text_json_string(out, slice_str(s->address));
    put_time(out, "began", s->began_us, now_us);
    put_time(out, "used", s->used_us, now_us);
    put_time(out, "expires", s->until_us, now_us);
    buf_printf(out, ",\"own\":%s}", own ? "true" : "false");
}

/* Of all, or of those that are `own`'s. */
static void answer_list(struct call *c, const struct console_session *own, bool all)
{
    struct console *console = c->ctx;
    struct buf json = {0};
    const char *comma = "";
    buf_put_u8(&json, '[');
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        const struct console_session *s = &console->sessions.items[i];
        if (console_session_is_free(s)) continue;
        if (!all && s != own && !console_session_is_akin(s, own)) continue;
        buf_put_str(&json, comma);
        put_session(&json, s, s == own, c->now_us);
        comma = ",";
    }
    buf_put_u8(&json, ']');
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

void sessions_list(struct call *c)
{
    struct console *console = c->ctx;
    bool named;
    console_sessions_sweep(&console->sessions, c->now_us);
    answer_list(c, sign_in_session(console, c, &named), true);
}

/* The one that the path names; NULL: there is none. */
static struct console_session *named_session(struct call *c)
{
    struct console *console = c->ctx;
    uint64_t number;
    if (num_u64(rest_route_param(c, "number"), &number) != OK) return NULL;
    return console_session_numbered(&console->sessions, number, c->now_us);
}

static void end_session(struct call *c, struct console_session *s)
{
    struct console *console = c->ctx;
    if (s == NULL) {
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION),
                          "there is no such session");
        return;
    }
    say_info("console.session_ended", "number=%llu as=\"%s\" by=\"%s\" peer=%s",
             (unsigned long long)s->number, s->name, sign_in_name(console, c), conn_peer(c->conn));
    console_session_end(&console->sessions, s);
    rest_answer_nothing(c);
}

void sessions_end(struct call *c)
{
    end_session(c, named_session(c));
}

/* ---- one's own */

/* NULL, and answered: nobody has signed in. */
static struct console_session *who_asks(struct call *c)
{
    struct console *console = c->ctx;
    bool named;
    console_sessions_sweep(&console->sessions, c->now_us);
    struct console_session *own = sign_in_session(console, c, &named);
    if (own == NULL) rest_answer_status(c, STATUS_UNAUTHORIZED_ACCESS, "nobody has signed in");
    return own;
}

void sessions_list_own(struct call *c)
{
    const struct console_session *own = who_asks(c);
    if (own) answer_list(c, own, false);
}

/* Of somebody else's it is not even said that it is there. */
void sessions_end_own(struct call *c)
{
    const struct console_session *own = who_asks(c);
    if (own == NULL) return;
    if (c->visit != REST_VISIT) {
        rest_answer_named(c, 403, status_name(STATUS_UNAUTHORIZED_ACCESS),
                          "x-azimuth-csrf is not that of the session");
        return;
    }
    struct console_session *s = named_session(c);
    end_session(c, s && (s == own || console_session_is_akin(s, own)) ? s : NULL);
}
