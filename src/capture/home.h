/* home.h - all captures of a server, on their lane.  Private to capture/. */
#ifndef CAPTURE_HOME_H
#define CAPTURE_HOME_H

#include "capture/part.h"

/* An event hub that is captured, or has a description that says that it is not now. */
struct capture {
    struct list node; /* in captures.all */
    struct captures *cs;
    unsigned stream;
    char event_hub[HUB_NAME_LEN_MAX + 1];
    struct description description;
    struct part *parts; /* NULL: nothing is captured */
    unsigned part_count;
};

struct captures {
    struct capture_config cfg;
    struct cursors *cursors;
    struct list all;
    struct list changes; /* struct change: the first is under way */
    unsigned change_count;
};

/* ---- capture.c */

struct capture *capture_find(struct captures *cs, unsigned stream); /* NULL: there is none */
struct capture *capture_new(struct captures *cs, unsigned stream);
void capture_free(struct capture *c); /* stops it */
void capture_stop(struct capture *c);

/* One part per row of capture_partition_page, not started; then the start of all. */
void capture_take_rows(struct capture *c, struct store_answer *rows);
void capture_start(struct capture *c);

void capture_write(struct buf *out, struct capture *c); /* as GET shows it */

/* ---- change.c: one change at a time, of whatever event hub */

enum capture_verb { CAPTURE_PUT, CAPTURE_GET, CAPTURE_LIST, CAPTURE_DELETE };
enum capture_kind { CAPTURE_BEGIN = POST_CAPTURE, CAPTURE_ASK, CAPTURE_DONE };

struct capture_ask {
    enum capture_verb verb;
    uint32_t name_len, json_len;
    uint8_t bytes[]; /* name, json */
};

void capture_answer(struct captures *cs, const struct msg *ask, enum status status,
                    struct slice body, const char *text);
void change_take(struct captures *cs, struct msg *ask); /* a PUT or DELETE */
void change_on_ends(void *ctx, struct lane *lane, struct msg *m);
void changes_free(struct captures *cs);

/* The stream of that name; false: there is none. */
bool capture_stream_of(const struct captures *cs, struct slice event_hub, unsigned *stream);

#endif
