/* home.h - settings and where their records go, on the lane.  Private to hub/diagnostic. */
#ifndef HUB_DIAGNOSTIC_HOME_H
#define HUB_DIAGNOSTIC_HOME_H

#include "base/io.h"
#include "base/json.h"
#include "hub/diagnostic/diagnostic.h"
#include "hub/event_hub/event_hub.h"

#define DIAGNOSTIC_SETTINGS_FILE "diagnostic-settings.json"
#define DIAGNOSTIC_FOLDER        "diagnostics"

enum diagnostic_kind {
    DIAGNOSTIC_NOTE = HUB_DIAGNOSTIC, /* core -> lane: struct note_msg */
    DIAGNOSTIC_ASK,                   /* core -> lane: struct setting_ask -> DIAGNOSTIC_DONE */
    DIAGNOSTIC_DONE,                  /* lane -> core: struct setting_done */
    DIAGNOSTIC_EVENT,                 /* lane -> the first core: struct event_msg */
    DIAGNOSTIC_EVENT_DONE,            /* the first core -> lane, to the setting's slot: enum err */
};

struct note_msg {
    enum diagnostic_category category;
    uint8_t record[]; /* one line of JSON, without its end */
};

enum setting_verb { SETTING_LIST, SETTING_GET, SETTING_PUT, SETTING_DELETE };

struct setting_ask {
    enum setting_verb verb;
    uint32_t name_len;
    uint8_t bytes[]; /* name, JSON */
};

struct setting_done {
    enum status status;
    uint32_t json_len;
    uint8_t bytes[]; /* JSON, text */
};

struct event_msg {
    uint32_t hub_len;
    uint8_t bytes[]; /* the event hub's name, the event's body */
};

/* A file that grows and is followed by the next. */
struct log_file {
    char path[IO_NAME_MAX]; /* "diagnostics/NAME.jsonl"; older ones have .1, .2, .. behind */
    uint64_t size_max, size;
    struct io_file *file; /* NULL: not open */
    bool held_back;       /* the disk is nearly full */
    struct buf lines;     /* of this turn */
};

struct setting {
    unsigned categories; /* 1 << enum diagnostic_category */
    bool to_file, to_events;
    struct log_file log;
    struct addr slot;   /* of its events' answers */
    struct buf events;  /* records, with commas between them */
    bool held_back;     /* events are: the disk is nearly full */
    unsigned under_way; /* events that are not answered */
    struct diagnostics *home;
    char name[DIAGNOSTIC_NAME_MAX + 1];
    char event_hub[EVENT_HUB_NAME_MAX + 1];
};

struct diagnostics {
    struct diagnostics_config cfg;
    _Atomic unsigned wanted;
    _Atomic int64_t rare_us[DIAGNOSTIC_RARES]; /* monotonic, of the last; 0: there was none */
    _Atomic size_t queued; /* bytes of DIAGNOSTIC_NOTE that the lane has not seen */
    struct setting *settings[DIAGNOSTIC_SETTINGS_MAX];
    unsigned count;
    struct turn_hook hook;
    /* of the first core */
    struct log_writer *writer;
    struct event_hubs *event_hubs;
    struct list appends;
    unsigned next_partition;
};

/* ---- setting.c */

/* A setting of its JSON, named `name`; NULL, and fail_text() says why: it is none. */
struct setting *setting_parse(struct diagnostics *d, struct slice name, const struct json *doc);
void setting_free(struct setting *s);
void setting_write(struct buf *out, const struct setting *s); /* as it is shown, and kept */

/* ---- room.c: on the lane */

/* May `len` bytes more be written?  Not if they would leave less than DIAGNOSTIC_RESERVES disk reserves; when that
 * begins and ends it is said once, naming `where` they go. */
bool room_for(const struct diagnostics_config *cfg, size_t len, const char *where, bool *held_back);

/* ---- file.c: on the lane */

void log_file_put(struct log_file *f, struct slice line);
/* What cannot be written, or would leave too little disk, is counted and gone. */
void log_file_flush(struct log_file *f, const struct diagnostics_config *cfg);
void log_file_close(struct log_file *f);

/* ---- stream.c */

void stream_put(struct setting *s, struct slice record);
void stream_flush(struct setting *s);
void stream_join_lane(struct diagnostics *d);
void stream_join_core(struct diagnostics *d, struct lane *core);
void stream_fini(struct diagnostics *d);

/* ---- record.c */

enum diagnostic_loss { LOST_IN_QUEUE, LOST_IN_FILE, LOST_IN_EVENTS, LOSSES };
void diagnostic_lost(enum diagnostic_loss where, unsigned records);
void diagnostic_wrote(bool to_file, unsigned records);

#endif
