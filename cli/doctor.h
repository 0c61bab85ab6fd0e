/* doctor.h - findings, and the probes that make them.
 *
 * Every finding says what was seen and, unless it is fine, one thing to do about it.  A check that
 * cannot be made is skipped, never failed; none needs the internet.
 * Runs on: the main thread; a probe blocks up to DOCTOR_WAIT_MS.
 * Limits:  DOCTOR_FINDINGS_MAX findings.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/target.h"

enum { DOCTOR_FINDINGS_MAX = 64, DOCTOR_WAIT_MS = 5000 };

enum doctor_state { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL, DOCTOR_SKIPPED };

struct doctor_finding {
    enum doctor_state state;
    const char *check, *seen, *fix; /* `fix` "": nothing to do */
};

struct doctor {
    struct cli *cli;
    struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
    size_t count;
};

/* Adds a finding; `fix` is the thing to do, "" for none, and not formatted. */
void doctor_say(struct doctor *d, enum doctor_state state, const char *check, const char *fix,
                const char *fmt, ...) PRINTF(5, 6);

size_t doctor_count(const struct doctor *d, enum doctor_state state);

/* All findings, for a terminal or in the format that was asked for. */
enum err doctor_print(struct doctor *d) MUST_USE;

/* Can a device that stands here reach the hub of that name?  Prints, and fails if a check does. */
enum err doctor_from_device(struct doctor *d, const char *host) MUST_USE;

/* ---- probes */

/* A TLS handshake: ERR_CLOSED nobody there, ERR_TIMEOUT, ERR_PROTOCOL not trusted or another name. */
enum err doctor_handshake(const struct line_to *to, const char **version) MUST_USE;

/* What somebody shows who answers there, whether it is to be believed or not. */
struct doctor_sight {
    char issuer[256]; /* of the certificate */
    char names[512];  /* for whom it is */
    bool is_ours;     /* the one that was dialled is among them, or its address */
    int64_t from_us, until_us;
    int64_t wall_us; /* by the clock there */
};

/* ERR_CLOSED, ERR_IO, ERR_TIMEOUT: nobody; ERR_PROTOCOL: no TLS; `over_http`: with the time, or
 * ERR_NOT_FOUND and all the rest. */
enum err doctor_look(const struct line_to *to, bool over_http, struct doctor_sight *out) MUST_USE;

/* May this process listen there?  ERR_DENIED, ERR_EXISTS (somebody does), ERR_IO. */
enum err doctor_bind(const char *address, unsigned port) MUST_USE;

/* Days until the first certificate of the PEM ends; ERR_INVALID when there is none. */
enum err doctor_days_left(struct slice pem, int64_t now_us, int *days) MUST_USE;

/* Does the name lead to this machine's loopback addresses, to another address, or nowhere? */
enum doctor_place { DOCTOR_NOWHERE, DOCTOR_HERE, DOCTOR_ELSEWHERE };
enum doctor_place doctor_place_of(const char *name);

/* Has this machine a way to that address: is there a route, IPv6 at all? */
bool doctor_has_way(const struct dial_address *address);

/* The proxy that this machine wants for HTTPS with that host, without its password; "": none. */
void doctor_proxy_of(const char *host, char *out, size_t size);

/* How long it takes to write a little durably in that directory. */
enum err doctor_sync_us(const char *directory, int64_t *us) MUST_USE;

#endif
