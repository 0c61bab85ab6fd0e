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
    unsigned scans; /* that run (scan.h) */
};

/* ---- sign_in.c */

/* The session that the request's cookie names, or NULL; *named: it names one. */
struct console_session *sign_in_session(struct console *c, const struct call *call, bool *named);

/* Of a session_table whose ctx is a console: a policy's session goes as far as the policy has its key. */
bool sign_in_stands(const void *ctx, const struct console_session *s);

void sign_in_begin(struct call *c); /* POST /admin/v1/session */
void sign_in_show(struct call *c);  /* GET */
void sign_in_end(struct call *c);   /* DELETE */
void sign_in_link(struct call *c);  /* POST /admin/v1/console/links */

/* ---- messages.c */

void messages_send(struct call *c); /* POST /admin/v1/devices/{id}/messages */

/* ---- policies.c */

void policies_renew_key(struct call *c); /* POST /admin/v1/policies/{name}/renewKey */

/* ---- files.c */

void files_answer(struct call *c);
void files_ca(struct call *c); /* GET /console/ca.pem: whom clients have to trust */

#endif
