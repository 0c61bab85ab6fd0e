/* document.c - see document.h. */
#include "deliver/cosmos/document.h"

#include <time.h>

#include "base/text.h"
#include "deliver/event_grid.h"

/* ---- the partition key */

enum word { WORD_IOTHUB, WORD_DEVICE_ID, WORD_DAY, WORD_MONTH, WORD_YEAR, WORDS };

static const char *const words[WORDS] = {"iothub", "deviceid", "DD", "MM", "YYYY"};

/* The next piece of it: text before a brace, or what is between two. */
struct piece {
    struct slice text;
    enum word word; /* WORDS: it is just text */
};

static enum err next(struct slice *rest, struct piece *out)
{
    size_t open = slice_find(*rest, '{'), close;
    *out = (struct piece){slice_head(*rest, open), WORDS};
    if (slice_find(out->text, '}') < out->text.len) return ERR_INVALID;
    if (open) {
        *rest = slice_from(*rest, open);
        return OK;
    }
    close = slice_find(*rest, '}');
    out->text = slice_head(slice_from(*rest, 1), close - 1);
    if (close == rest->len) return ERR_INVALID;
    *rest = slice_from(*rest, close + 1);
    for (out->word = 0; out->word < WORDS && !slice_is(out->text, words[out->word]);) out->word++;
    return out->word < WORDS ? OK : ERR_INVALID;
}

/* A value goes into a header, too. */
enum err cosmos_template_check(struct slice text)
{
    unsigned seen = 0;
    struct piece p;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] >= 0x7f)
            return fail(ERR_INVALID, "partitionKeyTemplate has characters beyond ASCII");
    while (text.len) {
        enum err e = next(&text, &p);
        bool again = e == OK && p.word < WORDS && seen & 1u << p.word;
        if (e != OK || again)
            return fail(ERR_INVALID, "partitionKeyTemplate: '%.*s' is %s",
                        SLICE_ARG(slice_head(p.text, 64)),
                        again ? "there twice" : "none of {iothub} {deviceid} {DD} {MM} {YYYY}");
        if (p.word < WORDS) seen |= 1u << p.word;
    }
    return seen ? OK
                : fail(ERR_INVALID, "partitionKeyTemplate has none of {iothub} {deviceid} {DD} "
                                    "{MM} {YYYY}");
}

static void put_word(const struct hub *hub, enum word word, const struct message *m,
                     struct buf *out)
{
    time_t seconds = (time_t)(m->record->enqueued_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    switch (word) {
    case WORD_IOTHUB: buf_put_str(out, hub->name); break;
    case WORD_DEVICE_ID: buf_put_slice(out, message_pair(m, "iothub-connection-device-id")); break;
    case WORD_DAY: buf_printf(out, "%02d", tm.tm_mday); break;
    case WORD_MONTH: buf_printf(out, "%02d", tm.tm_mon + 1); break;
    case WORD_YEAR: buf_printf(out, "%04d", tm.tm_year + 1900); break;
    case WORDS: break;
    }
}

void cosmos_put_key(const struct hub *hub, struct slice text, const struct message *m,
                    struct buf *out)
{
    struct piece p;
    while (text.len && next(&text, &p) == OK)
        if (p.word == WORDS)
            buf_put_slice(out, p.text);
        else
            put_word(hub, p.word, m, out);
}

/* ---- the document */

void cosmos_put_document(const struct hub *hub, const struct message *m, struct slice key_name,
                         struct slice key, struct buf *out)
{
    buf_put_str(out, "{\"id\":\"");
    event_grid_put_id(hub, m->record, out);
    buf_put_str(out, "\",");
    if (key_name.len) {
        text_json_string(out, key_name);
        buf_put_u8(out, ':');
        text_json_string(out, key);
        buf_put_u8(out, ',');
    }
    buf_put_str(out, "\"Properties\":{");
    message_put_properties(m, out, false);
    buf_put_str(out, "},\"SystemProperties\":{");
    message_put_system(m, out, false);
    buf_printf(out, "},\"iothub-name\":\"%s\",\"Body\":", hub->name);
    message_put_json_body(m, out);
    buf_put_u8(out, '}');
}
