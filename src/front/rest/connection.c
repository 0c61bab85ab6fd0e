/* connection.c - /admin/v1: by what a device is connected now, and why a method would not reach it.
 *
 *   {"id","connected":true,"protocol":"mqtt","websocket":false,"peer":"192.0.2.7:40312","sdk":"...",
 *    "since":"2026-01-31T12:00:00.000Z","listensTo":["methods","desired"],"methods":null,"next":null}
 *
 * `methods` is why a direct method could not be delivered, as the doctor says it, and `next` what helps. */
#include "base/clock.h"
#include "base/text.h"
#include "front/rest/call.h"

static void put_text(struct buf *out, const char *name, struct slice text)
{
    buf_printf(out, ",\"%s\":", name);
    if (text.len)
        text_json_untrusted(out, text);
    else
        buf_put_str(out, "null");
}

static void put_features(struct buf *out, uint32_t features)
{
    static const struct {
        uint32_t feature;
        const char *name;
    } names[] = {{SESSION_C2D, "messages"},
                 {SESSION_METHODS, "methods"},
                 {SESSION_TWIN_RESPONSES, "twin"},
                 {SESSION_DESIRED, "desired"},
                 {SESSION_INPUTS, "inputs"}};
    const char *comma = "";
    buf_put_str(out, ",\"listensTo\":[");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!(features & names[i].feature)) continue;
        buf_printf(out, "%s\"%s\"", comma, names[i].name);
        comma = ",";
    }
    buf_put_u8(out, ']');
}

static void put_connection(struct buf *out, const struct session_shown *s)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(s->since_us, iso);
    put_text(out, "protocol", slice_str(hub_protocol_word(s->protocol)));
    buf_printf(out, ",\"websocket\":%s", s->websocket ? "true" : "false");
    put_text(out, "peer", s->peer);
    put_text(out, "sdk", s->sdk);
    put_text(out, "since", slice_str(iso));
    put_features(out, s->features);
}

/* As it would be noted if a method was called now. */
static void put_methods(struct buf *out, struct slice who, const struct session_shown *s)
{
    struct buf text = {0};
    const char *next = NULL;
    struct refusal_seen would = {.what = {.cause = REFUSAL_NOT_SUBSCRIBED, .who = who}};
    if (!s->connected) {
        buf_printf(&text, "%.*s is not connected.", SLICE_ARG(who));
    } else if (!(s->features & SESSION_METHODS)) {
        refusal_put_happened(&text, &would, &(struct refusal_reader){0});
        next = refusal_text(REFUSAL_NOT_SUBSCRIBED)->next;
    }
    put_text(out, "methods", buf_slice(&text));
    put_text(out, "next", slice_str(next));
    buf_free(&text);
}

static void on_shown(struct session_show *w, const struct session_shown *s)
{
    struct call *c = CONTAINER_OF(w, struct call, session_show);
    struct buf json = {0};
    rest_call_resume(c);
    buf_put_str(&json, "{\"id\":");
    text_json_string(&json, buf_slice(&c->who));
    buf_printf(&json, ",\"connected\":%s", s->connected ? "true" : "false");
    if (s->connected) put_connection(&json, s);
    put_methods(&json, buf_slice(&c->who), s);
    buf_put_u8(&json, '}');
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
    rest_call_end(c);
}

void rest_connection(struct call *c)
{
    if (!rest_route_who(c)) return;
    c->session_show.fn = on_shown;
    rest_call_wait(c, WAITING_CONNECTION);
    session_show(c->service->config->hub, c->service->lane, buf_slice(&c->who), &c->session_show);
}
