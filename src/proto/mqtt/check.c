/* check.c - which bytes may be a string, a topic name or a topic filter. */
#include "base/text.h"
#include "proto/mqtt/packet.h"

/* Eight bytes at a time: with all bytes below 0x80, adding 0x7f sets the top bit of every byte that
 * is not 0 and carries nowhere; xor makes another character the 0 that is looked for. */
#define EACH(byte) (0x0101010101010101ull * (byte))

static uint64_t not_zero(uint64_t ascii)
{
    return ascii + EACH(0x7f);
}

static bool is_plain_word(uint64_t word)
{
    if (word & EACH(0x80)) return false;
    uint64_t good = not_zero(word) & not_zero(word ^ EACH('+')) & not_zero(word ^ EACH('#'));
    return (good & EACH(0x80)) == EACH(0x80);
}

/* ASCII without NUL and wildcards, as nearly every topic is: nothing can be wrong with it. */
static bool is_plain(struct slice s)
{
    uint64_t word;
    for (; s.len >= sizeof word; s = slice_from(s, sizeof word)) {
        memcpy(&word, s.ptr, sizeof word);
        if (!is_plain_word(word)) return false;
    }
    word = EACH('/');
    if (s.len > 0) memcpy(&word, s.ptr, s.len);
    return is_plain_word(word);
}

static bool contains(struct slice s, uint8_t byte)
{
    return slice_find(s, byte) < s.len;
}

static enum err check_unicode(struct slice s, const char *what)
{
    if (!text_is_utf8(s)) return fail(ERR_PROTOCOL, "[MQTT-1.5.3-1] %s is not UTF-8", what);
    if (contains(s, 0)) return fail(ERR_PROTOCOL, "[MQTT-1.5.3-2] %s contains U+0000", what);
    return OK;
}

enum err mqtt_check_text(struct slice s, const char *what)
{
    return is_plain(s) ? OK : check_unicode(s, what);
}

enum err mqtt_check_topic(struct slice s, const char *what)
{
    if (s.len == 0) return fail(ERR_PROTOCOL, "[MQTT-4.7.3-1] %s is empty", what);
    if (is_plain(s)) return OK;
    TRY(check_unicode(s, what));
    if (contains(s, '+') || contains(s, '#'))
        return fail(ERR_PROTOCOL, "[MQTT-3.3.2-2] %s contains a wildcard", what);
    return OK;
}

enum err mqtt_check_filter(struct slice s)
{
    if (s.len == 0) return fail(ERR_PROTOCOL, "[MQTT-4.7.3-1] topic filter is empty");
    if (is_plain(s)) return OK;
    TRY(check_unicode(s, "topic filter"));
    struct slice level;
    while (slice_split(&s, '/', &level)) {
        if (contains(level, '+') && level.len != 1)
            return fail(ERR_PROTOCOL, "[MQTT-4.7.1-3] '+' is only a part of its level");
        if (contains(level, '#') && (level.len != 1 || s.ptr != NULL))
            return fail(ERR_PROTOCOL, "[MQTT-4.7.1-2] '#' is not the whole last level");
    }
    return OK;
}
