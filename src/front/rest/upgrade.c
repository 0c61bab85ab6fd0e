/* upgrade.c - from HTTP to MQTT or AMQP inside WebSocket frames.
 *
 * SDKs ask for `/$iothub/websocket`, `/$servicebus/websocket`, `/mqtt` or `/`, and say by the
 * subprotocol what they will speak, in any case: the path decides nothing.  Who they are is said
 * later, in that protocol.  Query parameters and offered extensions are passed over. */
#include "base/text.h"
#include "front/rest/call.h"
#include "proto/ws/ws.h"

static const struct {
    const char *name;
    enum rest_stream stream;
} protocols[] = {
    {"mqtt", REST_MQTT},
    {"mqttv3.1", REST_MQTT}, /* what older clients call it */
    {"AMQPWSB10", REST_AMQP},
    {"amqp", REST_AMQP},
};

/* ---- what the client says */

static size_t count_headers(const struct http1_request *r, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < r->header_count; i++) count += slice_is_nocase(r->headers[i].name, name);
    return count;
}

/* The value of a header that stands there once, or an empty slice. */
static struct slice only_header(const struct http1_request *r, const char *name)
{
    return count_headers(r, name) == 1 ? http1_header(r, name) : SLICE_NONE;
}

static bool asks_for_websocket(const struct http1_request *r)
{
    struct slice list = r->upgrade, name;
    while (ws_next_protocol(&list, &name))
        if (slice_is_nocase(name, "websocket")) return true;
    return false;
}

static bool is_known(struct slice name, enum rest_stream *stream)
{
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        if (!slice_is_nocase(name, protocols[i].name)) continue;
        *stream = protocols[i].stream;
        return true;
    }
    return false;
}

/* The first subprotocol that we speak, as the client spelled it.  The list may be in several lines. */
static bool choose(const struct http1_request *r, struct slice *name, enum rest_stream *stream)
{
    for (size_t i = 0; i < r->header_count; i++) {
        struct slice list = r->headers[i].value;
        if (!slice_is_nocase(r->headers[i].name, "sec-websocket-protocol")) continue;
        while (ws_next_protocol(&list, name))
            if (is_known(*name, stream)) return true;
    }
    return false;
}

/* ---- what it is told */

void rest_upgrade_note(const struct call *c, const char *what)
{
    const struct http1_request *r = c->request;
    struct buf observed = {0};
    buf_printf(&observed, "path %.*s, subprotocol %.*s: %s", SLICE_ARG(slice_head(r->path, 100)),
               SLICE_ARG(slice_head(http1_header(r, "sec-websocket-protocol"), 60)), what);
    refusal_note(c->service->config->hub->refusals, c->service->lane,
                 &(struct refusal){.cause = REFUSAL_WS_PATH,
                                   .protocol = "https",
                                   .port = (uint16_t)conn_local_port(c->conn),
                                   .peer = slice_str(conn_peer(c->conn)),
                                   .sni = slice_str(conn_local_name(c->conn)),
                                   .sdk = http1_header(r, "user-agent"),
                                   .observed = buf_slice(&observed)});
    buf_free(&observed);
}

static void refuse(struct call *c, const char *text)
{
    rest_upgrade_note(c, text);
    rest_answer_status(c, STATUS_ARGUMENT_INVALID, text);
}

static void refuse_protocol(struct call *c, const char *expected)
{
    struct buf text = {0};
    struct slice offered = http1_header(c->request, "sec-websocket-protocol");
    if (offered.len && text_is_utf8(offered))
        buf_printf(&text, "Sec-WebSocket-Protocol '%.*s' is not spoken here",
                   SLICE_ARG(slice_head(offered, 100)));
    else
        buf_put_str(&text, "Sec-WebSocket-Protocol is missing");
    buf_printf(&text, "; expected %s", expected);
    refuse(c, buf_cstr(&text));
    buf_free(&text);
}

static void accept(struct call *c, struct slice key, struct slice protocol)
{
    char proof[WS_ACCEPT_LEN + 1];
    ws_accept(key, proof);
    const struct http1_header headers[] = {
        {SLICE_LIT("upgrade"), SLICE_LIT("websocket")},
        {SLICE_LIT("connection"), SLICE_LIT("Upgrade")},
        {SLICE_LIT("sec-websocket-accept"), slice_str(proof)},
        {SLICE_LIT("sec-websocket-protocol"), protocol},
    };
    rest_answer_switching(c, headers, sizeof headers / sizeof *headers);
}

static void redirect(struct call *c, const char *url)
{
    struct buf to = {0};
    buf_printf(&to, "%s/console/", url);
    const struct http1_header location = {SLICE_LIT("location"), buf_slice(&to)};
    rest_answer_with(
        c, &(struct http1_response){.status = 302, .headers = &location, .header_count = 1});
    buf_free(&to);
}

/* "[::1]:443" has its port behind the bracket; "hub" and "[::1]" have none.  Nothing else behind either goes along. */
static struct slice without_port(struct slice host)
{
    bool bracketed = host.len && host.ptr[0] == '[';
    size_t end = bracketed ? slice_find(host, ']') + 1 : slice_find(host, ':');
    return slice_head(host, end < host.len ? end : host.len);
}

/* The console under the name that the client dialled, if that is one of ours: its own address may mean
 * nothing where the client is. */
static void to_console_of(struct call *c, const char *admin_url)
{
    struct slice url = slice_str(admin_url), host = http1_header(c->request, "host"), scheme, port;
    struct buf to = {0};
    if (!hub_is_host(c->service->config->hub, host)) {
        redirect(c, admin_url);
        return;
    }
    scheme = slice_head(url, slice_find(url, ':'));
    port = slice_from(url, slice_rfind(url, ':'));
    buf_printf(&to, "%.*s://%.*s%.*s", SLICE_ARG(scheme), SLICE_ARG(without_port(host)),
               SLICE_ARG(port));
    redirect(c, buf_cstr(&to));
    buf_free(&to);
}

void rest_to_console(struct call *c)
{
    const struct rest_guard *guard = c->console ? c->service->guard : NULL;
    const char *url = c->service->config->admin_url;
    if (guard && slice_ends(c->request->path, SLICE_LIT("console/")))
        guard->home(c);
    else if (guard)
        redirect(c, "");
    else if (url && !c->console)
        to_console_of(c, url);
    else
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION), rest_place_advice(c));
}

static bool is_browser(const struct http1_request *r)
{
    struct slice accept = http1_header(r, "accept");
    return slice_starts_nocase(accept, SLICE_LIT("text/html"));
}

/* Is it an upgrade as it should be, but for the subprotocol?  Otherwise answered. */
static bool is_sound(struct call *c)
{
    const struct http1_request *r = c->request;
    if (!asks_for_websocket(r))
        rest_answer_upgrade_required(c, "this path takes WebSocket upgrades only");
    else if (!slice_is(only_header(r, "sec-websocket-version"), "13"))
        rest_answer_upgrade_required(c, "Sec-WebSocket-Version must be 13");
    else if (!ws_key_is_valid(only_header(r, "sec-websocket-key")))
        refuse(c, "Sec-WebSocket-Key must be 16 bytes in base64");
    else if (r->chunked || r->content_length)
        refuse(c, "an upgrade has no body");
    return !c->answered;
}

void rest_upgrade(struct call *c)
{
    struct slice protocol;
    enum rest_stream stream;
    bool browser = !asks_for_websocket(c->request) && is_browser(c->request);
    if (c->console || (browser && c->service->config->admin_url)) {
        rest_to_console(c);
    } else if (!is_sound(c)) {
        return;
    } else if (!choose(c->request, &protocol, &stream)) {
        refuse_protocol(c, "'mqtt' or 'AMQPWSB10'");
    } else {
        accept(c, only_header(c->request, "sec-websocket-key"), protocol);
        rest_call_hand_over(c, stream);
    }
}

static bool offers(const struct http1_request *r, const char *protocol)
{
    struct slice list = http1_header(r, "sec-websocket-protocol"), name;
    while (ws_next_protocol(&list, &name))
        if (slice_is(name, protocol)) return true;
    return false;
}

bool rest_upgrade_to(struct call *c, const char *protocol, enum rest_stream stream)
{
    if (!is_sound(c)) return false;
    if (!offers(c->request, protocol)) {
        refuse_protocol(c, protocol);
        return false;
    }
    accept(c, only_header(c->request, "sec-websocket-key"), slice_str(protocol));
    rest_call_hand_over(c, stream);
    return true;
}

/* Where people look for an upgrade in vain. */
bool rest_upgrade_wanted(const struct call *c)
{
    return asks_for_websocket(c->request);
}
