/* parts.h - what the files of front/console share.  Private to it. */
#ifndef FRONT_CONSOLE_PARTS_H
#define FRONT_CONSOLE_PARTS_H

#include "front/console/console.h"
#include "front/console/session.h"
#include "front/rest/call.h"

struct console {
    const struct rest_config *config;
    struct lane *lane;
    struct rest_service *rest;
    struct rest_site site;
    struct rest_guard guard;
    struct session_table sessions;
    struct live *live;
    struct oidc *oidc; /* NULL: no provider is known */
    unsigned scans;    /* that run (scan.h) */
};

/* ---- sign_in.c */

/* The session that the request's cookie names, or NULL; *named: it names one. */
struct console_session *sign_in_session(struct console *c, const struct call *call, bool *named);

/* Of a session_table whose ctx is a console: does the policy have the key and the rights, the user his role and password? */
bool sign_in_stands(const void *ctx, const struct console_session *s);

unsigned sign_in_rights(enum user_role role);

/* Does who has these rights read what only a hub's owner is shown? */
static inline bool sign_in_reads_all(unsigned rights)
{
    return rights & REST_READER || (rights & REST_OWNER) == REST_OWNER;
}

void sign_in_begin(struct call *c); /* POST /admin/v1/session */
void sign_in_show(struct call *c);  /* GET */
void sign_in_end(struct call *c);   /* DELETE */
void sign_in_link(struct call *c);  /* POST /admin/v1/console/links */

/* Who asks, for the log: "user maria", "azimuth.sock". */
const char *sign_in_name(struct console *c, const struct call *call);

/* He who names a wrong password: counted, and answered 401 with this text. */
void sign_in_refuse(struct call *call, struct slice user, const char *text);

/* A cookie of that kind and who has it, with this JSON; an empty secret takes it away. */
enum sign_in_cookie { SIGN_IN_SESSION_COOKIE, SIGN_IN_PROVIDER_COOKIE };
void sign_in_answer_cookie(struct call *call, enum sign_in_cookie kind, int http,
                           const char *secret, struct slice json);
struct slice sign_in_cookie(const struct call *call, enum sign_in_cookie kind);

/* A session of who has that role by somebody else's word, and is `subject` there: begun, and answered. */
void sign_in_accept(struct call *call, const char *name, struct slice subject, enum user_role role,
                    int64_t life_us);

/* Too many failures; true: answered 429. */
bool sign_in_is_shut_out(struct call *call, struct slice user);

/* ---- users.c */

void users_list(struct call *c);                /* GET /admin/v1/users */
void users_show(struct call *c);                /* GET /admin/v1/users/{name} */
void users_make(struct call *c);                /* PUT */
void users_update(struct call *c);              /* PATCH */
void users_remove(struct call *c);              /* DELETE */
void users_change_own_password(struct call *c); /* POST /admin/v1/session/password */

/* The call waits for one of users_*(), which said `e`: its answer calls `fn`; otherwise it is answered. */
void users_wait(struct call *c, enum err e);
void users_answer_error(struct call *c, enum err e);

/* ---- sessions.c */

void sessions_list(struct call *c);     /* GET /admin/v1/sessions */
void sessions_end(struct call *c);      /* DELETE /admin/v1/sessions/{number} */
void sessions_list_own(struct call *c); /* GET /admin/v1/session/own */
void sessions_end_own(struct call *c);  /* DELETE /admin/v1/session/own/{number} */

/* ---- messages.c */

void messages_send(struct call *c); /* POST /admin/v1/devices/{id}/messages */

/* ---- queries.c */

void queries_list(struct call *c);   /* GET /admin/v1/saved-queries */
void queries_put(struct call *c);    /* PUT /admin/v1/saved-queries/{name} */
void queries_delete(struct call *c); /* DELETE */

/* ---- policies.c */

void policies_create(struct call *c);     /* PUT /admin/v1/policies/{name} */
void policies_set_rights(struct call *c); /* PATCH */
void policies_delete(struct call *c);     /* DELETE */
void policies_renew_key(struct call *c);  /* POST /admin/v1/policies/{name}/renewKey */

/* ---- files.c */

void files_answer(struct call *c);
void files_ca(struct call *c); /* GET /console/ca.pem: whom clients have to trust */

#endif
