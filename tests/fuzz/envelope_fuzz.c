/* envelope_fuzz.c - a device's messages in the words of HTTP and AMQP.  The first byte says what the rest is:
 *
 *   a  an AMQP message        h  headers, "name: value" in lines        b  a batch in JSON
 *
 * What is taken keeps the limits, has names and is UTF-8 where consumers get text; its bytes are there.  A refusal
 * has a text.
 */
#include "base/text.h"
#include "front/amqp/device.h"
#include "front/device_http/device.h"
#include "fuzz.h"

static struct arena arena;

static size_t sum; /* of all bytes that were taken: so they are read */

static void read_all(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) sum += s.ptr[i];
}

/* After fail(ERR_INVALID, ""): a refusal says why. */
static bool refused(enum err e)
{
    assert(e == OK || fail_text()[0]);
    return e != OK;
}

static void check_text(struct slice s)
{
    read_all(s);
    assert(text_is_utf8(s));
}

static void check_envelope(const struct envelope *m)
{
    read_all(m->user_id);
    read_all(m->body);
    check_text(m->message_id);
    check_text(m->correlation_id);
    check_text(m->to);
    check_text(m->content_type);
    check_text(m->content_encoding);
    check_text(m->subject);
    check_text(m->interface_id);
    assert(m->property_count <= TELEMETRY_PROPERTIES_MAX);
    for (size_t i = 0; i < m->property_count; i++) {
        assert(m->properties[i].name.len && !telemetry_is_stamp(m->properties[i].name));
        check_text(m->properties[i].name);
        check_text(m->properties[i].value);
    }
}

static void check_amqp(struct slice bytes)
{
    static struct property space[TELEMETRY_PROPERTIES_MAX];
    struct amqp_message m;
    struct envelope e;
    if (amqp_message_parse(bytes, &m) == OK && !refused(device_envelope(&m, &arena, space, &e)))
        check_envelope(&e);
}

/* As the HTTP engine gives them: none has a line end in it, and each has a name. */
static void check_headers(struct slice text)
{
    struct http1_header headers[HTTP1_HEADER_COUNT_MAX];
    struct http1_request request = {.headers = headers};
    struct slice line, name;
    struct envelope e;
    while (request.header_count < HTTP1_HEADER_COUNT_MAX && slice_split(&text, '\n', &line)) {
        slice_split(&line, ':', &name);
        if (name.len)
            headers[request.header_count++] = (struct http1_header){name, slice_trim(line)};
    }
    if (!refused(envelope_of_headers(&request, &arena, &e))) check_envelope(&e);
}

static void check_batch(struct slice json)
{
    struct envelope *all;
    size_t count, bodies = 0;
    if (refused(envelopes_of_batch(json, &arena, &all, &count))) return;
    assert(count > 0 && count <= DEVICE_HTTP_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        check_envelope(&all[i]);
        assert(telemetry_size(&all[i]) <= TELEMETRY_SIZE_MAX);
        bodies += all[i].body.len;
    }
    assert(bodies <= DEVICE_HTTP_BATCH_BYTES_MAX);
}

void fuzz_one(struct slice input)
{
    struct slice rest = slice_from(input, 1);
    (void)fail(ERR_INVALID, "%s", "");
    switch (input.len ? input.ptr[0] : 0) {
    case 'a': check_amqp(rest); break;
    case 'h': check_headers(rest); break;
    case 'b': check_batch(rest); break;
    default: break;
    }
    arena_free(&arena);
}
