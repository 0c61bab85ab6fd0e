/* write.c - records for people and programs. */
#include <ctype.h>

#include "base/clock.h"
#include "base/text.h"
#include "hub/refusal/refusal.h"

/* ---- sentences: {fill-ins} */

static void put_span(struct buf *out, int64_t s)
{
    if (s < 120)
        buf_printf(out, "%lld s", (long long)s);
    else if (s < 7200)
        buf_printf(out, "%lld min", (long long)(s / 60));
    else if (s < 172800)
        buf_printf(out, "%lld h", (long long)(s / 3600));
    else
        buf_printf(out, "%lld days", (long long)(s / 86400));
}

static struct slice or_text(struct slice s, const char *otherwise)
{
    return s.len ? s : slice_str(otherwise);
}

/* Names that a shell or a terminal may misread come from outside. */
static void put_plain(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        buf_put_u8(out, text.ptr[i] < ' ' || text.ptr[i] == 0x7F ? '?' : text.ptr[i]);
}

static bool is_harmless(struct slice word)
{
    bool fine = word.len > 0;
    for (size_t i = 0; i < word.len && fine; i++)
        fine = isalnum(word.ptr[i]) || strchr("-._:/+@%", word.ptr[i]);
    return fine;
}

/* For a shell: ids may have most characters. */
static void put_word(struct buf *out, struct slice word)
{
    if (is_harmless(word)) {
        buf_put_slice(out, word);
        return;
    }
    buf_put_u8(out, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '\'') buf_put_str(out, "'\\'");
        put_plain(out, slice_of(word.ptr + i, 1));
    }
    buf_put_u8(out, '\'');
}

static void put_target(struct buf *out, struct slice who)
{
    buf_put_str(out, "-d ");
    put_word(out, hub_device_of(who));
    if (hub_module_of(who).len == 0) return;
    buf_put_str(out, " -m ");
    put_word(out, hub_module_of(who));
}

static void put_fill_in(struct buf *out, struct slice name, const struct refusal_seen *s,
                        const struct refusal_reader *reader)
{
    const struct refusal *w = &s->what;
    const struct refusal_text *t = refusal_text(w->cause);
    if (slice_is(name, "id"))
        put_plain(out, or_text(w->who, "the client"));
    else if (slice_is(name, "target"))
        put_target(out, w->who);
    else if (slice_is(name, "word"))
        put_word(out, w->who);
    else if (slice_is(name, "sniword"))
        put_word(out, w->sni);
    else if (slice_is(name, "kind"))
        buf_put_str(out, hub_module_of(w->who).len ? "module-identity" : "device-identity");
    else if (slice_is(name, "peer"))
        put_plain(out, or_text(w->peer, "the client"));
    else if (slice_is(name, "sni"))
        put_plain(out, or_text(w->sni, "no name"));
    else if (slice_is(name, "sdk"))
        put_plain(out, or_text(w->sdk, "no SDK named"));
    else if (slice_is(name, "observed"))
        put_plain(out, or_text(w->observed, t->observed));
    else if (slice_is(name, "expected"))
        put_plain(out, or_text(w->expected, t->expected));
    else if (slice_is(name, "protocol"))
        buf_put_str(out, w->protocol ? w->protocol : "an unknown protocol");
    else if (slice_is(name, "host"))
        buf_put_str(out, reader->host);
    else if (slice_is(name, "ca"))
        buf_put_str(out, reader->ca ? reader->ca : "ca.pem");
    else if (slice_is(name, "port"))
        buf_printf(out, "%u", w->port ? w->port : 8883u);
    else if (slice_is(name, "for"))
        put_span(out, s->number_max);
}

static void put_sentence(struct buf *out, struct slice text, const struct refusal_seen *s,
                         const struct refusal_reader *reader)
{
    while (text.len) {
        size_t open = slice_find(text, '{');
        buf_put_slice(out, slice_head(text, open));
        text = slice_from(text, open);
        size_t close = slice_find(text, '}');
        if (close == text.len) {
            buf_put_slice(out, text);
            return;
        }
        put_fill_in(out, slice_of(text.ptr + 1, close - 1), s, reader);
        text = slice_from(text, close + 1);
    }
}

/* A clock that is wrong is wrong by the same amount each time.  By how much more than the tokens are too old
 * they do not tell: for as long as they last. */
static bool clock_is_behind(const struct refusal_seen *s)
{
    return (s->what.cause == REFUSAL_SAS_EXPIRED || s->what.cause == REFUSAL_DPS_KEY) &&
           s->number_min > 0 && s->count > 1 &&
           s->last_us - s->first_us > 10 * (s->number_max - s->number_min + 1) * 1000000ll;
}

void refusal_put_happened(struct buf *out, const struct refusal_seen *s,
                          const struct refusal_reader *reader)
{
    if (s->what.doubtful) buf_put_str(out, "Probably: ");
    put_sentence(out, slice_str(refusal_text(s->what.cause)->happened), s, reader);
    if (s->what.cause == REFUSAL_TOKEN_RENEWAL && s->number_max > 0)
        buf_put_str(out, " It came back at once: a normal token renewal.");
    if (clock_is_behind(s)) {
        buf_put_str(out,
                    " Each token was too old by the same time: the device's clock seems to be at "
                    "least ");
        put_span(out, s->number_max);
        buf_put_str(out, " behind.");
    }
}

static void put_observed(struct buf *out, const struct refusal_seen *s,
                         const struct refusal_reader *reader)
{
    put_sentence(out,
                 s->what.observed.len ? SLICE_LIT("{observed}")
                                      : slice_str(refusal_text(s->what.cause)->observed),
                 s, reader);
}

static bool is_misspelt(const struct refusal_seen *s, const struct refusal_reader *reader)
{
    return s->what.cause == REFUSAL_UNKNOWN_ID && reader->spelling.len > 0;
}

static void put_expected(struct buf *out, const struct refusal_seen *s,
                         const struct refusal_reader *reader)
{
    if (is_misspelt(s, reader)) {
        put_plain(out, reader->spelling);
        buf_put_str(out, " exists: ids are case-sensitive");
        return;
    }
    put_sentence(out,
                 s->what.expected.len ? SLICE_LIT("{expected}")
                                      : slice_str(refusal_text(s->what.cause)->expected),
                 s, reader);
}

static void put_next(struct buf *out, const struct refusal_seen *s,
                     const struct refusal_reader *reader)
{
    if (clock_is_behind(s)) {
        buf_put_str(out, "set the device's clock (NTP): it is behind by at least ");
        put_span(out, s->number_max);
    } else if (is_misspelt(s, reader)) {
        buf_put_str(out, "connect as ");
        put_word(out, reader->spelling);
        buf_put_str(out, ": azimuth connection-string -d ");
        put_word(out, reader->spelling);
    } else if (s->what.next.len)
        put_plain(out, s->what.next);
    else
        put_sentence(out, slice_str(refusal_text(s->what.cause)->next), s, reader);
}

/* ---- JSON */

static void put_name(struct buf *out, const char *name)
{
    if (out->ptr[out->len - 1] != '{') buf_put_u8(out, ',');
    buf_printf(out, "\"%s\":", name);
}

static void put_text(struct buf *out, const char *name, struct slice text)
{
    put_name(out, name);
    if (text.len)
        text_json_untrusted(out, text);
    else
        buf_put_str(out, "null");
}

static void put_time(struct buf *out, const char *name, int64_t wall_us)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(wall_us, iso);
    put_text(out, name, slice_str(iso));
}

typedef void (*put_fn)(struct buf *out, const struct refusal_seen *s,
                       const struct refusal_reader *reader);

static void put_texts(struct buf *out, const struct refusal_seen *s,
                      const struct refusal_reader *reader)
{
    static const struct {
        const char *name, *before, *after;
        put_fn put;
    } parts[] = {
        {"happened", "", "", refusal_put_happened},
        {"observed", " Observed: ", ".", put_observed},
        {"expected", " Expected: ", ".", put_expected},
        {"next", " Next: ", "", put_next},
    };
    struct buf whole = {0};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct buf one = {0};
        parts[i].put(&one, s, reader);
        put_text(out, parts[i].name, buf_slice(&one));
        buf_printf(&whole, "%s%.*s%s", parts[i].before, SLICE_ARG(buf_slice(&one)), parts[i].after);
        buf_free(&one);
    }
    put_text(out, "text", buf_slice(&whole));
    buf_free(&whole);
}

void refusal_write(struct buf *out, const struct refusal_seen *s,
                   const struct refusal_reader *reader)
{
    const struct refusal *w = &s->what;
    const struct refusal_text *t = refusal_text(w->cause);
    buf_put_u8(out, '{');
    put_time(out, "time", s->last_us);
    put_time(out, "firstTime", s->first_us);
    buf_printf(out, ",\"count\":%u", s->count);
    put_text(out, "id", w->who);
    put_text(out, "cause", slice_str(t->code));
    put_text(out, "name", slice_str(t->name));
    put_text(out, "stage", slice_str(refusal_stage_name(t->stage)));
    put_text(out, "severity", slice_str(refusal_severity_name(t->severity)));
    put_text(out, "protocol", slice_str(w->protocol));
    put_text(out, "peer", w->peer);
    put_name(out, "port");
    if (w->port)
        buf_printf(out, "%u", w->port);
    else
        buf_put_str(out, "null");
    put_text(out, "sni", w->sni);
    put_text(out, "sdk", w->sdk);
    put_texts(out, s, reader);
    if (clock_is_behind(s)) buf_printf(out, ",\"clockBehindS\":%lld", (long long)s->number_max);
    buf_put_u8(out, '}');
}

/* ---- alerts */

static void put_alert_text(struct buf *out, const struct refusal_alert *a)
{
    const struct refusal_text *t = refusal_text(a->cause);
    buf_printf(out, "%u%s ids were refused for %s %s within 5 minutes.", a->ids,
               a->ids == REFUSAL_ALERT_COUNTED ? " or more" : "", t->code, t->name);
}

static void write_alert(struct buf *out, const struct refusal_alert *a)
{
    struct buf text = {0};
    const struct refusal_text *t = refusal_text(a->cause);
    put_alert_text(&text, a);
    buf_put_u8(out, '{');
    put_text(out, "cause", slice_str(t->code));
    put_text(out, "name", slice_str(t->name));
    buf_printf(out, ",\"ids\":%u", a->ids);
    put_time(out, "since", a->since_us);
    put_time(out, "last", a->last_us);
    put_text(out, "text", buf_slice(&text));
    buf_put_u8(out, '}');
    buf_free(&text);
}

void refusal_write_alerts(struct buf *out, const struct refusal_page *page)
{
    buf_put_u8(out, '[');
    for (size_t i = 0; i < page->alert_count; i++) {
        if (i) buf_put_u8(out, ',');
        write_alert(out, &page->alerts[i]);
    }
    buf_put_u8(out, ']');
}

static const struct refusal_alert *alert_of(const struct refusal_page *page,
                                            const struct refusal_seen *s)
{
    for (size_t i = 0; s && i < page->alert_count; i++)
        if (page->alerts[i].cause == s->what.cause) return &page->alerts[i];
    return NULL;
}

/* ---- of an identity: the latest attempt decides, but for what is grey */

static const struct refusal_seen *latest(const struct refusal_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        if (refusal_text(page->items[i].what.cause)->severity != SEVERITY_GREY)
            return &page->items[i];
    return page->count ? &page->items[0] : NULL;
}

bool refusal_is_of_unknown_id(const struct refusal_page *page)
{
    const struct refusal_seen *s = latest(page);
    return s && s->what.cause == REFUSAL_UNKNOWN_ID;
}

static const char *state_of(enum refusal_stage stage, const struct refusal_seen *s)
{
    if (s == NULL) return "unknown";
    const struct refusal_text *t = refusal_text(s->what.cause);
    bool failed = t->severity <= SEVERITY_CLOSED;
    if (stage == t->stage && failed) return "failed";
    if (stage == STAGE_WEBSOCKET) return "skipped"; /* most connections use none */
    return stage < t->stage || (stage == t->stage && !failed) ? "passed" : "unknown";
}

static void put_stages(struct buf *out, const struct refusal_seen *s)
{
    put_name(out, "stages");
    for (int i = 0; i < STAGES; i++)
        buf_printf(out, "%s{\"stage\":\"%s\",\"state\":\"%s\"}", i ? "," : "[",
                   refusal_stage_name((enum refusal_stage)i), state_of((enum refusal_stage)i, s));
    buf_put_u8(out, ']');
}

/* Many with the same cause: look for what they share. */
static void put_company(struct buf *out, const struct refusal_alert *a)
{
    if (a == NULL) return;
    buf_put_str(out, " It is not alone: ");
    put_alert_text(out, a);
}

static void put_flapping(struct buf *out, const struct refusal_page *page, int64_t now_us)
{
    enum refusal_cause cause;
    unsigned times = refusal_flapping(page, now_us, &cause);
    put_name(out, "flapping");
    if (times < REFUSAL_FLAPPING_MIN) {
        buf_put_str(out, "null");
        return;
    }
    const struct refusal_text *t = refusal_text(cause);
    buf_printf(out, "{\"times\":%u,\"seconds\":%d", times, REFUSAL_FLAPPING_S);
    put_text(out, "cause", slice_str(t->code));
    put_text(out, "name", slice_str(t->name));
    buf_put_u8(out, '}');
}

/* Whom we cut off has a record of it, which is the latest then. */
static void put_leaving(struct buf *out, const char *who, int64_t left_us)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(left_us, iso);
    buf_printf(out, "%s was connected until %.19sZ and left of its own accord.", who, iso);
}

static void put_presence(struct buf *out, const char *who, const struct refusal_presence *p)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(p->changed_us, iso);
    if (p->connected)
        buf_printf(out, "%s is connected since %.19sZ. ", who, iso);
    else if (p->changed_us) {
        put_leaving(out, who, p->changed_us);
        buf_put_u8(out, ' ');
    }
}

/* Nothing was noted: the network is the suspect only of who has not got through it. */
static void put_nothing(struct buf *out, struct slice who, const struct refusal_reader *reader,
                        int64_t since_us)
{
    const struct refusal_presence *p = &reader->presence;
    char iso[CLOCK_ISO_LEN + 1];
    struct buf name = {0};
    clock_iso(since_us, iso);
    put_plain(&name, who);
    put_presence(out, buf_cstr(&name), p);
    buf_printf(out, "Nothing was refused to %s since %.19sZ, when this server started.",
               p->changed_us ? "it" : buf_cstr(&name), iso);
    if (!p->connected)
        buf_printf(out,
                   " If it %s, the network between it and this server is the suspect: run 'azimuth "
                   "doctor --from-device %s' there.",
                   p->changed_us ? "wants to come back and cannot" : "does not connect",
                   reader->host);
    buf_free(&name);
}

/* It was accepted; that may be over. */
static void put_since_then(struct buf *out, const struct refusal_seen *s,
                           const struct refusal_presence *p)
{
    if (s->what.cause != REFUSAL_CONNECTED || p->connected || p->changed_us < s->last_us) return;
    buf_put_u8(out, ' ');
    put_leaving(out, "It", p->changed_us);
}

static void put_summary(struct buf *out, struct slice who, const struct refusal_page *page,
                        const struct refusal_reader *reader, int64_t since_us)
{
    const struct refusal_seen *s = latest(page);
    struct buf text = {0};
    if (s) {
        refusal_put_happened(&text, s, reader);
        put_since_then(&text, s, &reader->presence);
        put_company(&text, alert_of(page, s));
    } else
        put_nothing(&text, who, reader, since_us);
    put_text(out, "summary", buf_slice(&text));
    buf_free(&text);
}

void refusal_write_all(struct buf *out, struct slice who, const struct refusal_page *page,
                       const struct refusal_reader *reader, int64_t since_us, int64_t now_us)
{
    const struct refusal_seen *s = latest(page);
    buf_put_u8(out, '{');
    put_text(out, "id", who);
    put_summary(out, who, page, reader, since_us);
    put_stages(out, s);
    put_flapping(out, page, now_us);
    put_name(out, "attempts");
    buf_put_u8(out, '[');
    for (size_t i = 0; i < page->count; i++) {
        if (i) buf_put_u8(out, ',');
        refusal_write(out, &page->items[i], reader);
    }
    buf_put_str(out, "]}");
}

void refusal_write_causes(struct buf *out)
{
    buf_put_str(out, "{\"value\":[");
    for (int i = 0; i < REFUSAL_CAUSES; i++) {
        const struct refusal_text *t = refusal_text((enum refusal_cause)i);
        if (i) buf_put_u8(out, ',');
        buf_put_u8(out, '{');
        put_text(out, "cause", slice_str(t->code));
        put_text(out, "name", slice_str(t->name));
        put_text(out, "stage", slice_str(refusal_stage_name(t->stage)));
        put_text(out, "severity", slice_str(refusal_severity_name(t->severity)));
        put_text(out, "text", slice_str(t->happened));
        put_text(out, "expected", slice_str(t->expected));
        put_text(out, "next", slice_str(t->next));
        buf_put_u8(out, '}');
    }
    buf_put_str(out, "]}");
}
