/* topic.c - see topic.h. */
#include "deliver/bridge/topic.h"

#include "base/text.h"
#include "hub/routing/routing.h"

enum part { PART_HUB, PART_DEVICE, PART_SOURCE, PARTS };

static const char *const names[PARTS] = {"iothub", "deviceid", "source"};

/* The placeholder that `rest` begins with, behind its '{'; `rest` goes on behind it. */
static enum part take_part(struct slice *rest)
{
    size_t end = slice_find(*rest, '}');
    struct slice name = slice_head(*rest, end);
    unsigned part = 0;
    while (part < PARTS && (end == rest->len || !slice_is_nocase(name, names[part]))) part++;
    *rest = slice_from(*rest, end + (end < rest->len));
    return (enum part)part;
}

static enum err check_bytes(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] == 0x7f || strchr("+#}", text.ptr[i]))
            return fail(ERR_INVALID, "topic has a control character, '+', '#' or a single brace");
    return text_is_utf8(text) ? OK : fail(ERR_INVALID, "topic is not UTF-8");
}

enum err bridge_topic_check(struct slice template)
{
    struct slice rest = template;
    if (slice_starts(rest, SLICE_LIT("$")))
        return fail(ERR_INVALID, "topic begins with '$': those topics are the broker's own");
    while (rest.len) {
        size_t open = slice_find(rest, '{');
        TRY(check_bytes(slice_head(rest, open)));
        if (open == rest.len) break;
        rest = slice_from(rest, open + 1);
        if (take_part(&rest) == PARTS)
            return fail(ERR_INVALID, "topic knows {iothub}, {deviceid} and {source} only");
    }
    return OK;
}

static void put_coded(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool first = text.ptr[i] == '$' && buf_size(out) == 0;
        if (first || strchr("+#%/", text.ptr[i]))
            buf_printf(out, "%%%02X", text.ptr[i]);
        else
            buf_put_u8(out, text.ptr[i]);
    }
}

/* A '$' of the template's own is the first byte of the topic if no placeholder before it had a value. */
static void put_plain(struct buf *out, struct slice text)
{
    size_t coded = buf_size(out) == 0 && slice_starts(text, SLICE_LIT("$"));
    put_coded(out, slice_head(text, coded));
    buf_put_slice(out, slice_from(text, coded));
}

static struct slice value_of(enum part part, const struct hub *hub, const struct message *m)
{
    struct slice device_id = message_pair(m, "iothub-connection-device-id");
    switch (part) {
    case PART_HUB: return slice_str(hub->name);
    case PART_DEVICE: return device_id.len ? device_id : message_property(m, "jobId");
    default: return slice_str(routing_source_name(m->record->source));
    }
}

void bridge_topic_put(struct slice template, const struct hub *hub, const struct message *m,
                      struct buf *out)
{
    struct buf topic = {0};
    while (template.len) {
        size_t open = slice_find(template, '{');
        put_plain(&topic, slice_head(template, open));
        template = slice_from(template, open + (open < template.len));
        if (template.len) put_coded(&topic, value_of(take_part(&template), hub, m));
    }
    buf_put_slice(out, buf_slice(&topic));
    buf_free(&topic);
}
