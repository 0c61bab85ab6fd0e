/* home.h - all captures of a server, on their lane.  Private to capture/. */
#ifndef CAPTURE_HOME_H
#define CAPTURE_HOME_H

#include "archive/archive.h"
#include "capture/description.h"

/* An event hub that is captured, or has a description that says that it is not now. */
struct capture {
    struct list node; /* in captures.all */
    struct captures *cs;
    unsigned stream;
    char event_hub[EVENT_HUB_NAME_MAX + 1];
    struct description description;
    struct archive *archive;
    bool runs;             /* the archive was started */
    struct change *change; /* that waits for the archive */
};

struct captures {
    struct capture_config cfg;
    struct list all;
    struct list changes; /* struct change: the first is under way */
    unsigned change_count;
};

extern const struct archive_kind capture_kind; /* kind.c */

/* ---- capture.c */

struct capture *capture_find(struct captures *cs, unsigned stream); /* NULL: there is none */
struct capture *capture_new(struct captures *cs, unsigned stream, struct slice event_hub);
void capture_free(struct capture *c); /* stops it */
void capture_start(struct capture *c, void (*started)(void *ctx, enum err e));
void capture_stop(struct capture *c);

void capture_owner(unsigned stream, char out[ARCHIVE_OWNER_MAX + 1]);
void capture_write(struct buf *out, struct capture *c); /* as GET shows it */

/* ---- change.c: one change at a time, of whatever event hub */

enum capture_verb { CAPTURE_PUT, CAPTURE_GET, CAPTURE_LIST, CAPTURE_DELETE, CAPTURE_GONE };
enum capture_message { CAPTURE_BEGIN = POST_CAPTURE, CAPTURE_ASK, CAPTURE_DONE };

struct capture_ask {
    enum capture_verb verb;
    unsigned stream;
    uint32_t name_len, json_len;
    uint8_t bytes[]; /* name, json */
};

void capture_answer(struct captures *cs, const struct msg *ask, enum status status,
                    struct slice body, const char *text);
void change_take(struct captures *cs,
                 struct msg *ask); /* a PUT, a DELETE, or its event hub is gone */
void changes_free(struct captures *cs);

#endif
