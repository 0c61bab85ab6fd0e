/* talkers.c - /admin/v1: which devices sent most within the last minutes (hub/talker).
 *
 *   {"from":"2026-01-31T12:00:00.000Z","to":"...","exact":true,"value":[{"deviceId":"dev1","messages":600,"bytes":72000}]}
 */
#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "front/rest/call.h"

enum { TOP_DEFAULT = 10 };

static void put_time(struct buf *out, const char *name, int64_t at_us)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(at_us, iso);
    buf_printf(out, "\"%s\":\"%s\",", name, iso);
}

static void put_talker(struct buf *out, const struct talker *t)
{
    buf_put_str(out, "{\"deviceId\":");
    text_json_string(out, slice_of(t->id, t->id_len));
    buf_printf(out, ",\"messages\":%llu,\"bytes\":%llu}", (unsigned long long)t->messages,
               (unsigned long long)t->bytes);
}

static void on_talkers(struct talker_wait *w, const struct talker_page *page)
{
    struct call *c = CONTAINER_OF(w, struct call, talker_wait);
    struct buf json = {0};
    rest_call_resume(c);
    buf_put_u8(&json, '{');
    put_time(&json, "from", MAX(page->from_us, c->service->started_us));
    put_time(&json, "to", clock_wall_us());
    buf_printf(&json, "\"exact\":%s,\"value\":[", page->exact ? "true" : "false");
    for (size_t i = 0; i < page->count; i++) {
        if (i) buf_put_u8(&json, ',');
        put_talker(&json, &page->items[i]);
    }
    buf_put_str(&json, "]}");
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
    rest_call_end(c);
}

/* False: there is no such order. */
static bool get_order(const struct call *c, enum talker_order *by)
{
    struct buf text = {0};
    bool given = rest_query_get(c, "by", &text);
    bool bytes = slice_is(buf_slice(&text), "bytes");
    bool messages = !given || slice_is(buf_slice(&text), "messages");
    *by = bytes ? TALKERS_BY_BYTES : TALKERS_BY_MESSAGES;
    buf_free(&text);
    return bytes || messages;
}

void rest_talkers(struct call *c)
{
    uint64_t top = TOP_DEFAULT;
    enum talker_order by;
    if (!get_order(c, &by)) {
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, "by is messages or bytes");
    } else if (rest_query_number(c, "top", &top)) {
        c->talker_wait.fn = on_talkers;
        rest_call_wait(c, WAITING_TALKERS);
        talkers_ask(c->service->config->hub->talkers, c->service->lane, by, (unsigned)top,
                    clock_wall_us(), &c->talker_wait);
    }
}
