/* home.h - jobs on the first core: the one that runs, and who asks.  Private to hub/transfer.
 *
 *   asked ──containers looked at──▶ on disk ──▶ answered, runs ──▶ its end on disk ──▶ gone
 */
#ifndef HUB_TRANSFER_HOME_H
#define HUB_TRANSFER_HOME_H

#include "base/list.h"
#include "hub/registry/registry.h"
#include "hub/transfer/place.h"
#include "hub/transfer/row.h"
#include "post/timer.h"
#include "store/store.h"

enum transfer_kind {
    TRANSFER_ASK = HUB_TRANSFER, /* to the first core: struct ask_msg -> TRANSFER_DONE */
    TRANSFER_DONE,               /* struct done_msg */
};

#define TRANSFER_SKEW_US  (300 * 1000000ll) /* a signature is valid that long before now */
#define TRANSFER_NOTE_US  1000000ll         /* how often progress is noted */
#define TRANSFER_AGAIN_US 1000000ll         /* after the store refused */
#define TRANSFER_CLEAN_US (3600 * 1000000ll)

enum verb { VERB_CREATE, VERB_GET, VERB_LIST, VERB_CANCEL };

struct ask_msg {
    enum verb verb;
    uint32_t len;
    uint8_t bytes[]; /* JSON, or an id */
};

struct done_msg {
    enum status status;
    uint32_t body_len, text_len;
    uint8_t bytes[];
};

/* A verb under way. */
struct asked {
    struct list node;
    struct transfers *all;
    struct msg *m;
    struct store_wait wait;
    bool asks_store;
};

struct transfer {
    struct transfers *all;
    struct arena arena;
    struct transfer_row row; /* its slices live in the arena */
    struct place from, to;
    struct place configurations; /* if row.configurations: from or to */
    struct sink sink;            /* to `to` */
    struct asked *asked;         /* whose creation is not answered yet */
    struct list cancels;         /* struct asked */
    struct store_wait store_wait;
    struct blobs_wait blobs_wait;
    bool asks_store, asks_blob;
    struct timer note_timer, begin_timer;
    bool runs, stopping; /* it is wanted to end: cancelled */
    bool ended;          /* it has, and that has to come to the disk */
    bool notes_end;      /* which the unit under way does */
    struct export *export;
    struct import *import;
    struct configuration_file *file;
};

struct transfers {
    const struct hub *hub;
    struct lane *lane;
    struct registry *registry;
    struct configurations *configurations;
    const struct transfer_config *cfg;

    /* on the first core: */
    struct transfer *active; /* NULL: none */
    struct list asks;        /* struct asked */
    unsigned ask_count;
    struct timer clean_timer;
    struct store_wait clean_wait;
    bool cleans;
};

/* transfer.c */
void asked_done(struct asked *a, const struct transfer_answer *answer); /* and frees it */
void asked_refuse(struct asked *a, enum status s, const char *text);

/* create.c: from a request to a job on disk. */
void transfer_create_begin(struct asked *a, struct slice json);

/* run.c */
struct transfer *transfer_new(struct transfers *all, const struct transfer_row *row);
void transfer_free(struct transfer *t);
enum err transfer_open_places(struct transfer *t) MUST_USE; /* with a text */
enum err transfer_reopen(struct transfers *all) MUST_USE;   /* what a restart found */
void transfer_begin(struct transfer *t);
void transfer_stop(struct transfer *t); /* a cancellation */
void transfer_progress(struct transfer *t, int64_t done, int64_t of);

/* Nothing of it is under way any more. */
void transfer_end(struct transfer *t, enum transfer_status how, const char *reason);

/* export.c, import.c: end with transfer_end(), soon after t->stopping is set. */
void transfer_export_begin(struct transfer *t);
void transfer_export_free(struct transfer *t);
void transfer_import_begin(struct transfer *t);
void transfer_import_stop(struct transfer *t);
void transfer_import_free(struct transfer *t);

/* configurations.c: `fn` is called once, when all of them have had their turn, or when nothing is under way
 * after a cancellation; `failure` NULL: the job goes on. */
void transfer_configurations_begin(struct transfer *t,
                                   void (*fn)(struct transfer *t, const char *failure));
struct slice transfer_configurations_errors(const struct transfer *t); /* of an import: lines */
void transfer_configurations_free(struct transfer *t);

/* Asks; t->asks_blob until transfer_answered(), which the answer calls first. */
struct blobs_wait *transfer_wait_blob(struct transfer *t, void (*fn)(struct blobs_wait *w,
                                                                     const struct blobs_answer *a));
struct transfer *transfer_answered(struct blobs_wait *w);

#endif
