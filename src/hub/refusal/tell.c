/* tell.c - what was refused, for who watches: {"kind":"refused","device":..,"enqueued":..,"body":"what happened","refusal":{..}},
 * where "refusal" is the record as the journal's readers get it.  Repeats of an equal record come once in a while, with their count. */
#include "base/text.h"
#include "hub/news/news.h"
#include "hub/refusal/journal.h"

static bool is_due(const struct record *r)
{
    int64_t since_us = r->seen.last_us - r->watched_us;
    if (!journal_is_refusal(&r->seen.what) || (r->seen.what.doubtful && r->seen.count < 2))
        return false;
    return r->watched_us == 0 || since_us >= REFUSAL_TELL_S * 1000000ll;
}

static void put_who(struct buf *out, struct slice device, struct slice module)
{
    if (device.len) {
        buf_put_str(out, ",\"device\":");
        text_json_untrusted(out, device);
    }
    if (module.len) {
        buf_put_str(out, ",\"module\":");
        text_json_untrusted(out, module);
    }
}

void refusal_tell(const struct hub *hub, struct lane *home, struct record *noted)
{
    struct slice who = slice_head(noted->seen.what.who, HUB_WHO_LEN_MAX);
    const struct refusal_reader reader = {.host = hub->hosts[0]};
    struct buf json = {0}, text = {0};
    if (hub->news == NULL || !is_due(noted)) return;
    noted->watched_us = noted->seen.last_us;
    buf_put_str(&json, "{\"kind\":\"refused\"");
    put_who(&json, hub_device_of(who), hub_module_of(who));
    text_json_time(&json, "enqueued", noted->seen.last_us);
    refusal_put_happened(&text, &noted->seen, &reader);
    buf_put_str(&json, ",\"encoding\":\"text\",\"body\":");
    text_json_untrusted(&json, buf_slice(&text));
    buf_put_str(&json, ",\"refusal\":");
    refusal_write(&json, &noted->seen, &reader);
    buf_put_u8(&json, '}');
    news_tell(hub->news, home, NEWS_REFUSED, hub_device_of(who), buf_slice(&json));
    buf_free(&text);
    buf_free(&json);
}
