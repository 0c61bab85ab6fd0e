/* names_fuzz.c - what peers write where a name is due.  The first byte says what the rest is:
 *
 *   t, m  MQTT topic of the device d, of its module m      u  MQTT user name
 *   b     property bag                                     a  AMQP address
 *   F     property bag that may ask for a fault
 *   s     selector                                         f  AMQP filter that has one
 *   c, C  continuation token, its bytes before base64
 *
 * What is read and printed again reads the same, what is read lies in the input, and a refusal has a text.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/say.h"
#include "base/text.h"
#include "front/amqp/address.h"
#include "front/amqp/selector.h"
#include "front/amqp/testing/fake_event_hub.h"
#include "front/device_mqtt/topic.h"
#include "front/device_mqtt/user_name.h"
#include "fuzz.h"
#include "hub/fault/fault.h"
#include "hub/query/cursor.h"
#include "hub/query/query.h"
#include "hub/session/session.h"
#include "hub/telemetry/telemetry.h"

static struct buf printed; /* what was read */

static void print(const char *before, struct slice s)
{
    buf_put_str(&printed, before);
    buf_put_slice(&printed, s);
}

static bool lies_in(struct slice s, struct slice whole)
{
    return s.ptr == NULL || (s.ptr >= whole.ptr && s.ptr + s.len <= whole.ptr + whole.len);
}

/* After fail(ERR_INVALID, ""): a refusal says why. */
static bool refused(enum err e)
{
    assert(e == OK || fail_text()[0]);
    return e != OK;
}

/* ---- MQTT */

static void print_topic(const struct topic *t, struct slice who)
{
    static const char *const heads[] = {
        [TOPIC_TWIN_GET] = "$iothub/twin/GET/",
        [TOPIC_TWIN_REPORTED] = "$iothub/twin/PATCH/properties/reported/",
        [TOPIC_METHOD_RESPONSE] = "$iothub/methods/res/",
    };
    if (t->kind == TOPIC_EVENTS) {
        char nearest[64];
        topic_nearest(SLICE_NONE, who, nearest, sizeof nearest);
        print(nearest, t->bag);
        return;
    }
    print(heads[t->kind], t->status);
    buf_put_str(&printed, t->kind == TOPIC_METHOD_RESPONSE ? "/?" : "?");
    if (t->rid.ptr) print("&$rid=", t->rid);
    if (t->version.ptr) print("&$version=", t->version);
}

static void check_topic(struct slice text, struct slice who)
{
    char nearest[128];
    struct topic t = topic_parse(text, who);
    uint32_t features = topic_filter(text, who);
    assert((features & (features - 1)) == 0);
    topic_nearest(text, who, nearest, sizeof nearest);
    assert(topic_parse(slice_str(nearest), who).kind != TOPIC_NONE);
    assert(lies_in(t.bag, text) && lies_in(t.rid, text));
    assert(lies_in(t.version, text) && lies_in(t.status, text));
    if (t.kind == TOPIC_NONE) return;
    assert(features == 0);
    print_topic(&t, who);
    struct topic again = topic_parse(buf_slice(&printed), who);
    assert(again.kind == t.kind && slice_eq(again.bag, t.bag) && slice_eq(again.rid, t.rid));
    assert(slice_eq(again.version, t.version) && slice_eq(again.status, t.status));
}

static void check_user_name(struct slice text)
{
    struct user_name u, again;
    struct buf value = {0};
    if (refused(user_name_parse(text, &u))) return;
    assert(u.host.len && u.device.len && lies_in(u.host, text) && lies_in(u.device, text));
    assert(lies_in(u.module, text) && lies_in(u.query, text));
    if (!user_name_query(&u, "model-id", &value)) assert(buf_size(&value) == 0);
    assert(buf_size(&value) <= u.query.len);
    buf_free(&value);
    print("", u.host);
    print("/", u.device);
    if (u.module.len) print("/", u.module);
    print("/?", u.query);
    enum err e = user_name_parse(buf_slice(&printed), &again);
    assert(e == OK && slice_eq(again.host, u.host) && slice_eq(again.device, u.device));
    assert(slice_eq(again.module, u.module) && slice_eq(again.query, u.query));
}

/* ---- property bags */

static void print_pair(const char *name, struct slice value)
{
    if (value.ptr == NULL) return;
    buf_printf(&printed, "&%s=", name);
    text_percent(&printed, value);
}

/* As a date, or where there is none so late as a number. */
static void print_expiry(int64_t ms)
{
    static const int64_t latest_ms = 253402300799999; /* of year 9999 */
    char expiry[CLOCK_ISO_LEN + 1];
    if (ms <= latest_ms)
        clock_iso(ms * 1000, expiry);
    else
        snprintf(expiry, sizeof expiry, "%" PRId64, ms);
    print_pair("%24.exp", slice_str(expiry));
}

static void print_bag(const struct envelope *m)
{
    print_pair("$.mid", m->message_id);
    print_pair("%24.cid", m->correlation_id);
    print_pair("%24.uid", m->user_id);
    print_pair("%24.to", m->to);
    print_pair("%24.ct", m->content_type);
    print_pair("%24.ce", m->content_encoding);
    print_pair("%24.sub", m->subject);
    print_pair("%24.ifid", m->interface_id);
    if (m->expiry_ms) print_expiry(m->expiry_ms);
    for (size_t i = 0; i < m->property_count; i++) {
        buf_put_u8(&printed, '&');
        text_percent(&printed, m->properties[i].name);
        if (m->properties[i].value.ptr == NULL) continue;
        buf_put_u8(&printed, '=');
        text_percent(&printed, m->properties[i].value);
    }
}

/* Equal, and both there or not. */
static bool same(struct slice a, struct slice b)
{
    return slice_eq(a, b) && (a.ptr == NULL) == (b.ptr == NULL);
}

static void check_bags_equal(const struct envelope *a, const struct envelope *b)
{
    assert(same(a->message_id, b->message_id) && same(a->correlation_id, b->correlation_id));
    assert(same(a->user_id, b->user_id) && same(a->to, b->to));
    assert(same(a->content_type, b->content_type) && same(a->subject, b->subject));
    assert(same(a->content_encoding, b->content_encoding));
    assert(same(a->interface_id, b->interface_id) && a->expiry_ms == b->expiry_ms);
    assert(a->property_count == b->property_count);
    for (size_t i = 0; i < a->property_count; i++)
        assert(same(a->properties[i].name, b->properties[i].name) &&
               same(a->properties[i].value, b->properties[i].value));
}

static void check_bag(struct slice text)
{
    static struct property room[2][TELEMETRY_PROPERTIES_MAX];
    struct buf scratch[2] = {0};
    struct envelope m = {0}, again = {0};
    enum err e = telemetry_parse_bag(text, &scratch[0], room[0], &m);
    assert(buf_size(&scratch[0]) <= text.len);
    if (!refused(e)) {
        for (size_t i = 0; i < m.property_count; i++) {
            assert(m.properties[i].name.len > 0 && text_is_utf8(m.properties[i].name));
            assert(lies_in(m.properties[i].value, text) ||
                   lies_in(m.properties[i].value, buf_slice(&scratch[0])));
        }
        print_bag(&m);
        e = telemetry_parse_bag(buf_slice(&printed), &scratch[1], room[1], &again);
        assert(e == OK);
        check_bags_equal(&m, &again);
    }
    buf_free(&scratch[0]);
    buf_free(&scratch[1]);
}

/* ---- faults */

enum { FAULT_NOW_US = 1000 };

/* As many as there may be, and one more; who has one gets another in its place. */
static void check_lasting(const struct fault *fault)
{
    struct faults *f = faults_new();
    char who[16];
    int64_t until_us = FAULT_NOW_US + fault->duration_us;
    for (int i = 0; i <= FAULTS_MAX; i++) {
        snprintf(who, sizeof who, "d%d", i);
        enum err e = faults_begin(f, slice_str(who), fault, FAULT_NOW_US);
        assert(e == (i < FAULTS_MAX || fault->duration_us == 0 ? OK : ERR_FULL));
        if (e == OK) e = faults_begin(f, slice_str(who), fault, FAULT_NOW_US);
        assert(e == OK || i == FAULTS_MAX);
    }
    assert(faults_of(f, SLICE_LIT("d1"), until_us) == FAULT_NONE);
    enum fault_type now = faults_of(f, SLICE_LIT("d1"), until_us - 1);
    assert(now == (fault->duration_us ? fault->type : FAULT_NONE));
    assert(faults_of(f, SLICE_LIT("other"), FAULT_NOW_US) == FAULT_NONE);
    faults_free(f);
}

static void check_fault(struct slice text)
{
    static struct property room[TELEMETRY_PROPERTIES_MAX];
    const int64_t most_us = FAULT_SECONDS_MAX * INT64_C(1000000);
    struct buf scratch = {0};
    struct envelope m = {0};
    struct fault fault, again;
    enum err e = telemetry_parse_bag(text, &scratch, room, &m);
    if (!refused(e)) {
        e = fault_read(&m, &fault);
        assert(e == OK || e == ERR_NOT_FOUND || (e == ERR_INVALID && fail_text()[0]));
        assert(fault_is_asked("d", &m, &again) == (e == OK));
        if (e == OK) {
            assert(fault.type > FAULT_NONE && fault.type < FAULT_TYPES && again.type == fault.type);
            assert(fault_type_name(fault.type)[0]);
            assert(fault.delay_us >= 0 && fault.delay_us <= most_us);
            assert(fault.duration_us >= 0 && fault.duration_us <= most_us);
            if (fault_lasts(fault.type)) check_lasting(&fault);
        }
    }
    buf_free(&scratch);
}

/* ---- AMQP */

static const struct hub hub = {.name = "myhub", .id_scope = "0ne1"};

static void print_address(const struct address *a)
{
    static const char *const nodes[] = {
        [ADDRESS_DEVICE_EVENTS] = "/messages/events",
        [ADDRESS_DEVICE_BOUND] = "/messages/devicebound",
        [ADDRESS_DEVICE_METHODS] = "/methods/devicebound",
        [ADDRESS_DEVICE_TWIN] = "/twin",
    };
    struct slice who = slice_str(a->who);
    if (a->kind >= ADDRESS_DEVICE_EVENTS) {
        buf_put_str(&printed, "amqps://h:5671/devices/");
        text_percent(&printed, hub_device_of(who));
        if (hub_module_of(who).len) buf_put_str(&printed, "/modules/");
        text_percent(&printed, hub_module_of(who));
        buf_put_str(&printed, nodes[a->kind]);
    } else if (a->kind == ADDRESS_REGISTRATION) {
        buf_printf(&printed, "%s/registrations/%s", hub.id_scope, a->who);
    } else if (a->kind == ADDRESS_CBS) {
        buf_put_str(&printed, "$cbs");
    } else {
        address_path(&hub, &fake_event_hubs, a, a->iot_name, &printed);
        if (a->kind == ADDRESS_PUBLISHER) buf_put_str(&printed, "/p");
    }
}

static void check_address(struct slice text)
{
    struct address a, again;
    address_parse(&hub, &fake_event_hubs, text, &a);
    if (a.kind == ADDRESS_UNKNOWN) return;
    assert(a.kind < ADDRESS_DEVICE_EVENTS || hub_who_valid(slice_str(a.who)));
    print_address(&a);
    address_parse(&hub, &fake_event_hubs, buf_slice(&printed), &again);
    assert(again.kind == a.kind && again.stream == a.stream && again.partition == a.partition);
    assert(strcmp(again.who, a.who) == 0 && strcmp(again.group, a.group) == 0);
}

static void print_selector(const struct log_seek_msg *m)
{
    buf_put_str(&printed, "amqp.annotation.x-opt-");
    switch (m->where) {
    case LOG_ORDINAL: assert(false); break; /* no selector tells one */
    case LOG_EARLIEST: buf_put_str(&printed, "offset > '-1'"); break;
    case LOG_LATEST: buf_put_str(&printed, "offset > '@latest'"); break;
    case LOG_SEQUENCE:
        buf_printf(&printed, "sequence-number >= '%lld'", (long long)m->value);
        break;
    case LOG_TIME:
        assert(m->value % 1000 == 0);
        buf_printf(&printed, "enqueued-time >= %lld", (long long)m->value / 1000);
        break;
    }
}

static void check_selector(struct slice text)
{
    struct log_seek_msg m = {0}, again = {0};
    if (refused(selector_parse(text, &m))) return;
    print_selector(&m);
    enum err e = selector_parse(buf_slice(&printed), &again);
    assert(e == OK && again.where == m.where);
    assert(m.where == LOG_EARLIEST || m.where == LOG_LATEST || again.value == m.value);
}

static void check_filter(struct slice bytes)
{
    struct cur c = cur_of(bytes);
    struct amqp_value filter;
    struct slice text;
    if (amqp_get(&c, &filter) != OK || refused(selector_of_filter(&filter, &text))) return;
    assert(lies_in(text, bytes));
    check_selector(text);
}

/* ---- continuation tokens */

static void check_cursor(struct slice text)
{
    struct buf bytes[2] = {0};
    struct arena arena = {0};
    struct cursor c, again;
    if (!refused(cursor_read(text, &bytes[0], &c))) {
        c = cursor_copy(&arena, &c);
        cursor_write(&printed, &c);
        enum err e = cursor_read(buf_slice(&printed), &bytes[1], &again);
        assert(e == OK && again.mark == c.mark && again.given == c.given);
        assert(again.plan == c.plan && again.range == c.range && slice_eq(again.value, c.value));
        assert(slice_eq(again.device_id, c.device_id) && slice_eq(again.module_id, c.module_id));
    }
    arena_free(&arena);
    buf_free(&bytes[0]);
    buf_free(&bytes[1]);
}

static void check_cursor_bytes(struct slice bytes)
{
    struct buf text = {0};
    text_base64(&text, bytes);
    check_cursor(buf_slice(&text));
    buf_free(&text);
}

void fuzz_one(struct slice input)
{
    struct slice rest = slice_from(input, 1);
    say_level_max = SAY_ERROR;
    buf_clear(&printed);
    (void)fail(ERR_INVALID, "%s", "");
    switch (input.len ? input.ptr[0] : 0) {
    case 't': check_topic(rest, SLICE_LIT("d")); break;
    case 'm': check_topic(rest, SLICE_LIT("d/m")); break;
    case 'u': check_user_name(rest); break;
    case 'b': check_bag(rest); break;
    case 'F': check_fault(rest); break;
    case 'a': check_address(rest); break;
    case 's': check_selector(rest); break;
    case 'f': check_filter(rest); break;
    case 'c': check_cursor(rest); break;
    case 'C': check_cursor_bytes(rest); break;
    default: break;
    }
}
