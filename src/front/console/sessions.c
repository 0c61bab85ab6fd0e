/* sessions.c - /admin/v1/sessions: who has signed in to the console, for administrators, who may end it.
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

void sessions_list(struct call *c)
{
    struct console *console = c->ctx;
    struct buf json = {0};
    bool named;
    const struct console_session *own = sign_in_session(console, c, &named);
    const char *comma = "";
    console_sessions_sweep(&console->sessions, c->now_us);
    buf_put_u8(&json, '[');
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        const struct console_session *s = &console->sessions.items[i];
        if (console_session_is_free(s)) continue;
        buf_put_str(&json, comma);
        put_session(&json, s, s == own, c->now_us);
        comma = ",";
    }
    buf_put_u8(&json, ']');
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

void sessions_end(struct call *c)
{
    struct console *console = c->ctx;
    uint64_t number;
    struct console_session *s = NULL;
    if (num_u64(rest_route_param(c, "number"), &number) == OK)
        s = console_session_numbered(&console->sessions, number, c->now_us);
    if (s == NULL) {
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION),
                          "there is no such session");
        return;
    }
    say_info("console.session_ended", "number=%llu as=\"%s\" by=\"%s\" peer=%s",
             (unsigned long long)number, s->name, sign_in_name(console, c), conn_peer(c->conn));
    console_session_end(&console->sessions, s);
    rest_answer_nothing(c);
}
