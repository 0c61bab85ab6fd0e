/* check.c - what a broker may be.
 *
 * Its password is shown masked.  A document that comes back with the mask keeps the password as long as it is for the
 * same user at the same address: nobody learns a password by pointing its endpoint at a broker of his own. */
#include "deliver/bridge/check.h"

#include <stdio.h>

#include "base/json.h"
#include "base/member.h"
#include "base/net.h"
#include "base/num.h"
#include "base/text.h"
#include "deliver/bridge/topic.h"
#include "deliver/check.h"
#include "proto/tls/tls.h"

void bridge_mask(struct arena *a, struct json *endpoint)
{
    if (json_str(endpoint, "password").len)
        json_set(a, endpoint, SLICE_LIT("password"), json_new_string(a, SLICE_LIT(CHECK_MASK)));
}

/* ---- the address */

static enum err bad_url(void)
{
    return fail(ERR_INVALID, "url is not mqtts://HOST or mqtts://HOST:PORT");
}

static bool take_scheme(struct slice *text, struct bridge_url *out)
{
    static const struct slice tls = {(const uint8_t *)"mqtts://", 8},
                              plain = {(const uint8_t *)"mqtt://", 7};
    out->encrypted = slice_starts_nocase(*text, tls);
    if (!out->encrypted && !slice_starts_nocase(*text, plain)) return false;
    *text = slice_from(*text, out->encrypted ? tls.len : plain.len);
    return true;
}

static bool is_host(struct slice host)
{
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] <= ' ' || host.ptr[i] >= 0x7f || strchr("/?#@\\[]\"", host.ptr[i]))
            return false;
    return host.len > 0;
}

enum err bridge_url_read(struct slice text, struct bridge_url *out)
{
    uint64_t port;
    if (text.len > BRIDGE_URL_MAX || !take_scheme(&text, out)) return bad_url();
    if (slice_ends(text, SLICE_LIT("/"))) text.len--;
    size_t end = net_host_end(text);
    struct slice host = slice_head(text, end), rest = slice_from(text, end);
    if (slice_starts(host, SLICE_LIT("[")) && slice_ends(host, SLICE_LIT("]")))
        host = slice_of(host.ptr + 1, host.len - 2);
    if (!is_host(host) || host.len >= sizeof out->host) return bad_url();
    snprintf(out->host, sizeof out->host, "%.*s", SLICE_ARG(host));
    out->port = out->encrypted ? 8883 : 1883;
    if (rest.len == 0) return OK;
    if (num_u64(slice_from(rest, 1), &port) != OK || port == 0 || port > UINT16_MAX)
        return bad_url();
    out->port = (unsigned)port;
    return OK;
}

/* On this machine others may listen, too: there only the hub's own ports are a loop.  A hub that does not
 * listen yet reads what it has kept, which was looked at before. */
static bool is_own(const struct hub *hub, const struct bridge_url *url, bool loopback)
{
    if (loopback) return url->port == hub->mqtt_port || url->port == hub->plain_mqtt_port;
    return hub_is_host(hub, slice_str(url->host));
}

static enum err check_url(const struct hub *hub, const struct json *e)
{
    struct bridge_url url = {0};
    struct slice text = json_str(e, "url");
    if (text.len == 0) return fail(ERR_INVALID, "url is missing");
    TRY(bridge_url_read(text, &url));
    bool loopback = net_is_loopback(slice_str(url.host));
    if (!url.encrypted && !loopback)
        return fail(ERR_INVALID, "url is mqtt://, without TLS: only for this machine");
    if (is_own(hub, &url, loopback))
        return fail(ERR_INVALID, "url is this hub's own address: a loop");
    return OK;
}

/* ---- the rest */

static enum err complete_text(struct arena *a, struct json *e, const char *key, size_t max,
                              struct slice initial)
{
    const struct json *given = json_given(e, key);
    struct slice text = given ? json_str(e, key) : initial;
    if (given && given->type != JSON_STRING) return fail(ERR_INVALID, "%s is no text", key);
    if (text.len > max) return fail(ERR_INVALID, "%s is longer than %zu bytes", key, max);
    if (!text_is_utf8(text) || slice_find(text, 0) < text.len)
        return fail(ERR_INVALID, "%s is not UTF-8 without NUL", key);
    if (text.len) json_set(a, e, slice_str(key), json_new_string(a, text));
    return OK;
}

static enum err check_client_id(const struct hub *hub, struct arena *a, struct json *e)
{
    struct buf initial = {0};
    buf_printf(&initial, "azimuth-%s-%.*s", hub->name, SLICE_ARG(json_str(e, "name")));
    enum err err = complete_text(a, e, "clientId", BRIDGE_CLIENT_ID_MAX, buf_slice(&initial));
    buf_free(&initial);
    return err;
}

static bool same(const struct json *e, const struct json *before, const char *key)
{
    return slice_eq(json_str(e, key), json_str(before, key));
}

static enum err check_password(struct arena *a, struct json *e, const struct json *before)
{
    TRY(complete_text(a, e, "user", BRIDGE_USER_MAX, SLICE_NONE));
    TRY(complete_text(a, e, "password", BRIDGE_PASSWORD_MAX, SLICE_NONE));
    struct slice password = json_str(e, "password");
    if (password.len && json_str(e, "user").len == 0)
        return fail(ERR_INVALID, "user is missing: MQTT 3.1.1 has no password without one");
    if (!slice_is(password, CHECK_MASK)) return OK;
    if (before == NULL || !same(e, before, "url") || !same(e, before, "user"))
        return fail(ERR_INVALID,
                    "password is masked: it was not there before for this url and user");
    json_set(a, e, SLICE_LIT("password"), json_new_string(a, json_str(before, "password")));
    return OK;
}

static enum err check_ca(struct arena *a, struct json *e)
{
    struct tls_context *tls = NULL;
    TRY(complete_text(a, e, "ca", BRIDGE_CA_MAX, SLICE_NONE));
    struct slice ca = json_str(e, "ca");
    if (ca.len && tls_client_context(ca, &tls) != OK)
        return fail(ERR_INVALID, "ca is no certificate in PEM");
    tls_context_drop(tls);
    return OK;
}

static enum err check_envelope(struct arena *a, struct json *e)
{
    const struct json *given = json_given(e, "envelope");
    if (given && given->type != JSON_BOOL) return fail(ERR_INVALID, "envelope is true or false");
    if (given == NULL) json_set(a, e, SLICE_LIT("envelope"), json_new(a, JSON_BOOL));
    return OK;
}

static const char *const members[] = {
    CHECK_MEMBERS_OF_ALL, "url", "clientId", "user", "password", "ca", "topic", "envelope", NULL};

enum err bridge_check(const struct hub *hub, struct arena *a, struct json *endpoint,
                      const struct json *before)
{
    TRY(member_only(endpoint, "an MQTT broker", members));
    TRY(check_url(hub, endpoint));
    TRY(check_client_id(hub, a, endpoint));
    TRY(check_password(a, endpoint, before));
    TRY(check_ca(a, endpoint));
    TRY(check_envelope(a, endpoint));
    TRY(complete_text(a, endpoint, "topic", BRIDGE_TOPIC_MAX, SLICE_LIT(BRIDGE_TOPIC)));
    return bridge_topic_check(json_str(endpoint, "topic"));
}
