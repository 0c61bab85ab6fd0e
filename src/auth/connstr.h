/* connstr.h - connection strings: of a device, of a service, of Event Hubs.
 *
 *   HostName=h;DeviceId=d[;ModuleId=m];SharedAccessKey=k[;GatewayHostName=g]
 *   HostName=h;SharedAccessKeyName=p;SharedAccessKey=k
 *   Endpoint=sb://h[:port]/;SharedAccessKeyName=p;SharedAccessKey=k[;EntityPath=hub]
 *
 * Runs on: any thread.  Slices point into the text that was parsed.
 * Limits:  CONNSTR_MAX bytes.
 * Errors:  ERR_INVALID with a text that names the part that is missing or wrong; never a key.
 * Source:  the SDKs' parsers: keys in any case and order, values reach to the next ';' and may
 *          contain '='.
 */
#ifndef AUTH_CONNSTR_H
#define AUTH_CONNSTR_H

#include "base/buf.h"

enum { CONNSTR_MAX = 4096 };

#define CONNSTR_MASK "****"

enum connstr_kind { CONNSTR_SERVICE, CONNSTR_DEVICE, CONNSTR_EVENT_HUBS };

struct connstr {
    enum connstr_kind kind;
    struct slice host;    /* without scheme and port: what tokens are made for */
    struct slice gateway; /* GatewayHostName: what is dialled, if not empty */
    struct slice device_id, module_id;
    struct slice policy;    /* SharedAccessKeyName */
    struct slice key;       /* SharedAccessKey, as written (base64) */
    struct slice signature; /* SharedAccessSignature: a token instead of a key */
    struct slice entity;    /* EntityPath */
    uint16_t port;          /* of Endpoint; 0 when it has none */
    bool x509;              /* x509=true: authenticates with a certificate */
    bool emulator;          /* UseDevelopmentEmulator=true: AMQP without TLS */
};

enum err connstr_parse(struct slice text, struct connstr *out) MUST_USE;

/* Appends the fields that are set, in the order of the forms above; the kind decides the form. */
void connstr_write(struct buf *out, const struct connstr *c);

/* What is shown of one: CONNSTR_MASK for its key and its token.  Nothing of what is no connection string. */
void connstr_write_masked(struct buf *out, struct slice text);

/* Is it one whose key was masked so? */
bool connstr_is_masked(struct slice text);

/* The name to dial: the gateway where there is one. */
static inline struct slice connstr_dial(const struct connstr *c)
{
    return c->gateway.len ? c->gateway : c->host;
}

#endif
