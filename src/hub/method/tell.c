/* tell.c - calls and their ends, for who watches: one item of news when a call has ended.
 *
 *   {"kind":"method","device":"d","module":"m","method":"reboot","requestSize":2,"request":"{}",   when it begins
 *    "enqueued":"2026-..","ms":12,"status":207,"size":4,"encoding":"text","body":"null"}            when it has ended
 *
 * A call that no device answered has "error" and "body" says why, in words. */
#include "base/clock.h"
#include "base/text.h"
#include "hub/method/message.h"
#include "hub/news/news.h"

static void put_text(struct buf *out, const char *name, struct slice text)
{
    buf_printf(out, ",\"%s\":", name);
    text_json_untrusted(out, text_first_part(text, METHOD_TOLD_MAX));
}

void method_tell_asked(struct method_call *c, const struct method_ask *ask)
{
    struct slice module = hub_module_of(ask->who);
    c->told = (struct buf){0};
    if (c->methods->hub->news == NULL) return;
    buf_put_str(&c->told, "{\"kind\":\"method\"");
    put_text(&c->told, "device", hub_device_of(ask->who));
    if (module.len) put_text(&c->told, "module", module);
    put_text(&c->told, "method", ask->name);
    buf_printf(&c->told, ",\"requestSize\":%zu", ask->payload.len);
    put_text(&c->told, "request", ask->payload);
}

static void put_answer(struct buf *out, const struct method_result *r)
{
    buf_printf(out, ",\"status\":%d,\"size\":%zu,\"encoding\":\"text\"", r->device_status,
               r->payload.len);
    if (r->payload.len > METHOD_TOLD_MAX) buf_put_str(out, ",\"truncated\":true");
    put_text(out, "body", r->payload);
}

static void put_failure(struct buf *out, const struct method_result *r)
{
    buf_put_str(out, ",\"encoding\":\"text\"");
    put_text(out, "error", slice_str(status_name(r->status)));
    put_text(out, "body", slice_str(r->text));
}

/* The device's id, as it stands in the first half. */
static struct slice device_of(const struct method_call *c)
{
    static const struct slice before = SLICE_LIT("{\"kind\":\"method\",\"device\":\"");
    struct slice id = slice_from(buf_slice(&c->told), before.len);
    return slice_head(id, slice_find(id, '"')); /* a valid id has no quotes, and needs no escapes */
}

void method_tell_ended(const struct method_call *c, const struct method_result *r)
{
    struct buf json = {0};
    if (buf_size(&c->told) == 0) return;
    buf_put_slice(&json, buf_slice(&c->told));
    text_json_time(&json, "enqueued", clock_wall_us());
    buf_printf(&json, ",\"ms\":%lld", (long long)(clock_mono_us() - c->begun_us) / 1000);
    if (r->status == STATUS_OK)
        put_answer(&json, r);
    else
        put_failure(&json, r);
    buf_put_u8(&json, '}');
    news_tell(c->methods->hub->news, c->methods->lane, NEWS_METHOD, device_of(c), buf_slice(&json));
    buf_free(&json);
}
