/* internal.h - the inside of uploads.  Private to hub/upload. */
#ifndef HUB_UPLOAD_INTERNAL_H
#define HUB_UPLOAD_INTERNAL_H

#include "hub/notice/notice.h"
#include "hub/upload/upload.h"

struct uploads {
    const struct hub *hub;
    struct lane *lane;
    const struct upload_config *cfg;
    struct notices *notices;
    struct timer sweep; /* on the first core */
    struct store_wait sweeping, removing;
    unsigned swept; /* found by the sweep under way */
};

extern const struct notice_source upload_source;

/* A record that a file is there joins the unit. */
void upload_add_notice(struct store_request *unit, const struct upload_wait *w);

/* sweep.c: uploads whose signature has expired */
void sweep_start(struct uploads *u);

struct blob_name upload_blob(const struct uploads *u, struct slice blob_name);

#endif
