/* target.h - which hub a command talks to, and as whom.
 *
 * The first of these that is there: --login, --data, --profile, AZIMUTH_CONNECTION_STRING,
 * IOTHUB_CONNECTION_STRING, the profile of the file, the server of AZIMUTH_DATA or ./azimuth-data, and where there
 * is neither that of TARGET_SERVICE_DATA.  A server's directory means its socket: whoever may open it is
 * administrator, and it also tells ports, keys and certificates for the other protocols.
 *
 * Runs on: the main thread.
 * Life:    everything lies in the arena of struct cli.
 */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include "auth/connstr.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/line.h"

enum {
    TARGET_TOKEN_S = 24 * 3600, /* tokens are made for longer than any command runs */
    TARGET_CONSOLE_PORT = 8443, /* `azimuth serve` has its console there unless told otherwise */
};

#define TARGET_SERVICE_DATA "/var/lib/azimuth" /* packaging/azimuth.service */

struct target {
    struct cli *cli;
    const char *data;      /* the server's directory; NULL: reached by `login` */
    const char *source;    /* where `login` comes from: "--login", a variable, a file */
    struct connstr login;  /* without `data` */
    const char *ca;        /* file of certificates to trust; NULL: the system's */
    const char *name;      /* host name for tokens, messages and certificates */
    const char *dial;      /* name or address to connect to */
    const char *admin_url; /* where /admin/v1 is; with `data` the socket has it too */
    unsigned https_port, mqtt_port, amqp_port;
    const char *hub_name;
    const struct json *hub; /* with `data`: what the server says of itself */
};

/* ERR_NOT_FOUND when there is none; the text says how to name one. */
enum err target_find(struct cli *c, struct target *out) MUST_USE;

/* The directory of a server on this machine that the options, AZIMUTH_DATA or the folder mean; where the folder has none
 * and `service`, that of the service, if this user may look into it. */
const char *target_directory(struct cli *c, bool service);

/* The server of that directory, whatever else names a hub.  ERR_NOT_FOUND: none runs there. */
enum err target_of_directory(struct cli *c, const char *directory, struct target *out) MUST_USE;

/* A host name of Azure's own: its certificates are the system's business, never our server's. */
bool target_is_azure(const struct target *t);

/* That of a connection string which the verb got from elsewhere; `source` names the place. */
enum err target_login(struct cli *c, const char *text, const char *source,
                      struct target *out) MUST_USE;

/* A policy with its key: `name` NULL: the one of the login, or iothubowner of a server here.
 * ERR_UNSUPPORTED when another one's key is asked for over the network. */
enum err target_policy(struct target *t, const char *name, struct connstr *out) MUST_USE;

/* Appends a token for that path ("" for the whole hub), signed by target_policy(NULL). */
enum err target_token(struct target *t, const char *path, struct buf *out) MUST_USE;

/* The address of one of its ports and a TLS context for it, which the caller drops. */
enum err target_way(const struct target *t, unsigned port, struct line_to *out) MUST_USE;

#endif
