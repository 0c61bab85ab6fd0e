/* oidc.h - signing in by somebody else's word: an OpenID provider, authorization code with PKCE.
 *
 *   page: POST /admin/v1/session/provider ──▶ {"url"} and a cookie ──▶ the provider ──▶ /console/signed-in
 *   page: POST /admin/v1/session {"code","state"} ──▶ token endpoint ──▶ id_token, judged ──▶ session
 *
 * The provider's metadata and keys are fetched by the lane "out" when they are needed and kept; a key that
 * nobody knows makes them be fetched anew.  Which role somebody has, a claim says.  Private to front/console.
 *
 * Runs on: the console's lane.
 * Limits:  the constants below, and those of attempts.h.
 * Source:  OpenID Connect Core 1.0, Discovery 1.0; RFC 7636 (PKCE, S256).
 */
#ifndef FRONT_CONSOLE_OIDC_H
#define FRONT_CONSOLE_OIDC_H

#include "base/arena.h"
#include "front/console/session.h"
#include "front/rest/call.h"
#include "out/out.h"

enum {
    OIDC_CALLS_MAX = 16, /* that ask the provider at a time: 503 */
    OIDC_TIMEOUT_MS = 10000,
    OIDC_ANSWER_MAX = 256 << 10, /* bytes, of the provider */
    OIDC_CODE_MAX = 2048,
};
#define OIDC_KEEP_US    (3600 * 1000000ll) /* metadata, and keys that are known */
#define OIDC_REFETCH_US (60 * 1000000ll) /* keys that are asked for again since one is not known */
#define OIDC_SESSION_US (8ll * 3600 * 1000000) /* then the provider is asked again */

struct console;
struct oidc;

/* NULL when no provider is configured. */
struct oidc *oidc_new(struct console *c);
void oidc_free(struct oidc *o); /* NULL is fine */

void oidc_show(struct call *c);  /* GET /admin/v1/session/provider */
void oidc_begin(struct call *c); /* POST */

/* POST /admin/v1/session with a code. */
void oidc_finish(struct call *c, struct slice code, struct slice state);

#endif
