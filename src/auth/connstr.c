/* connstr.c - see connstr.h. */
#include "auth/connstr.h"

#include "base/num.h"

/* The parts by name; those that need more than copying lie here. */
struct parts {
    struct slice host, endpoint, x509, emulator;
    struct connstr *c;
};

static struct slice *part(struct parts *p, struct slice name)
{
    const struct {
        const char *name;
        struct slice *field;
    } known[] = {
        {"HostName", &p->host},
        {"Endpoint", &p->endpoint},
        {"DeviceId", &p->c->device_id},
        {"ModuleId", &p->c->module_id},
        {"SharedAccessKeyName", &p->c->policy},
        {"SharedAccessKey", &p->c->key},
        {"SharedAccessSignature", &p->c->signature},
        {"GatewayHostName", &p->c->gateway},
        {"EntityPath", &p->c->entity},
        {"x509", &p->x509},
        {"UseDevelopmentEmulator", &p->emulator},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_is_nocase(name, known[i].name)) return known[i].field;
    return NULL; /* SDKs ignore what they do not know */
}

static enum err read_parts(struct slice text, struct parts *p)
{
    struct slice value;
    while (slice_split(&text, ';', &value)) {
        value = slice_trim(value);
        if (value.len == 0) continue;
        struct slice name;
        slice_split(&value, '=', &name);
        if (value.ptr == NULL)
            return fail(ERR_INVALID, "the connection string has a part without '='");
        struct slice *field = part(p, slice_trim(name));
        if (field == NULL) continue;
        if (field->len)
            return fail(ERR_INVALID, "the connection string has %.*s twice", SLICE_ARG(name));
        *field = slice_trim(value);
    }
    return OK;
}

/* "[fd00::5]": without its brackets; what is behind them is *port, ":5671". */
static bool is_bracketed(struct slice *host, struct slice *port)
{
    size_t end = slice_find(*host, ']');
    if (host->len == 0 || *host->ptr != '[' || end == host->len) return false;
    *port = slice_from(*host, end + 1);
    *host = slice_from(slice_head(*host, end), 1);
    return true;
}

/* sb://host[:port]/ */
static enum err read_endpoint(struct slice url, struct connstr *c)
{
    size_t colon = slice_find(url, ':');
    if (!slice_starts(slice_from(url, colon), SLICE_LIT("://")))
        return fail(ERR_INVALID, "Endpoint is not of the form sb://host/");
    struct slice host = slice_from(url, colon + 3);
    host = slice_head(host, slice_find(host, '/'));
    struct slice number;
    if (!is_bracketed(&host, &number)) {
        number = slice_from(host, slice_rfind(host, ':'));
        host.len -= number.len;
    }
    if (slice_has(host, "[]"))
        return fail(ERR_INVALID, "Endpoint has a bracket where no IPv6 address begins or ends");
    uint64_t port = 0;
    if (number.len &&
        (*number.ptr != ':' || num_u64(slice_from(number, 1), &port) != OK || port > 65535))
        return fail(ERR_INVALID, "the port of Endpoint is not a number up to 65535");
    c->host = host;
    c->port = (uint16_t)port;
    return OK;
}

static bool printable(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] == 0x7f) return false;
    return true;
}

static enum err check(const struct connstr *c)
{
    bool credential = c->key.len || c->signature.len || c->x509;
    if (c->host.len == 0) return fail(ERR_INVALID, "the connection string has no host name");
    if (!printable(c->host) || !printable(c->gateway))
        return fail(ERR_INVALID, "the host name has a character that no host name has");
    if (!credential) return fail(ERR_INVALID, "the connection string has no SharedAccessKey");
    if (c->kind != CONNSTR_DEVICE && c->policy.len == 0 && c->signature.len == 0)
        return fail(ERR_INVALID, "the connection string has no SharedAccessKeyName");
    if (c->module_id.len && c->device_id.len == 0)
        return fail(ERR_INVALID, "the connection string has a ModuleId but no DeviceId");
    return OK;
}

enum err connstr_parse(struct slice text, struct connstr *out)
{
    if (text.len > CONNSTR_MAX)
        return fail(ERR_INVALID, "the connection string is longer than %d bytes", CONNSTR_MAX);
    *out = (struct connstr){0};
    struct parts p = {.c = out};
    TRY(read_parts(text, &p));
    if (p.host.len && p.endpoint.len)
        return fail(ERR_INVALID, "the connection string has both HostName and Endpoint");
    out->host = p.host;
    if (p.endpoint.len) TRY(read_endpoint(p.endpoint, out));
    out->x509 = slice_is_nocase(p.x509, "true");
    out->emulator = slice_is_nocase(p.emulator, "true");
    out->kind = p.endpoint.len       ? CONNSTR_EVENT_HUBS
                : out->device_id.len ? CONNSTR_DEVICE
                                     : CONNSTR_SERVICE;
    return check(out);
}

static void put(struct buf *out, const char *name, struct slice value)
{
    if (value.len == 0) return;
    if (buf_size(out)) buf_put_u8(out, ';');
    buf_printf(out, "%s=", name);
    buf_put_slice(out, value);
}

void connstr_write(struct buf *out, const struct connstr *c)
{
    struct buf line = BUF_SECRET;
    if (c->kind == CONNSTR_EVENT_HUBS) {
        bool six = slice_find(c->host, ':') < c->host.len;
        buf_printf(&line, six ? "Endpoint=sb://[%.*s]" : "Endpoint=sb://%.*s", SLICE_ARG(c->host));
        if (c->port) buf_printf(&line, ":%u", c->port);
        buf_put_u8(&line, '/');
    } else {
        put(&line, "HostName", c->host);
    }
    put(&line, "DeviceId", c->device_id);
    put(&line, "ModuleId", c->module_id);
    put(&line, "SharedAccessKeyName", c->policy);
    put(&line, "SharedAccessKey", c->key);
    put(&line, "SharedAccessSignature", c->signature);
    put(&line, "EntityPath", c->entity);
    if (c->x509) put(&line, "x509", SLICE_LIT("true"));
    if (c->emulator) put(&line, "UseDevelopmentEmulator", SLICE_LIT("true"));
    put(&line, "GatewayHostName", c->gateway);
    if (line.ptr) buf_put_slice(out, buf_slice(&line));
    buf_wipe(&line);
}

void connstr_write_masked(struct buf *out, struct slice text)
{
    struct connstr c;
    if (connstr_parse(text, &c) != OK) return;
    if (c.key.len) c.key = SLICE_LIT(CONNSTR_MASK);
    if (c.signature.len) c.signature = SLICE_LIT(CONNSTR_MASK);
    connstr_write(out, &c);
}

bool connstr_is_masked(struct slice text)
{
    struct connstr c;
    return connstr_parse(text, &c) == OK && slice_is(c.key, CONNSTR_MASK);
}
