/* journal.h - what one core remembers.  Private to hub/refusal.
 *
 *   order:     all records, the one that happened last at the end
 *   same:      records by what makes them equal, for folding
 *   rings:     of each identity that exists, its records, oldest first
 *   quiet:     the rings, the one that was quiet for longest first
 *   strangers: a ring that all others share
 *   claimed:   their latest record for each id that they claimed
 */
#ifndef HUB_REFUSAL_JOURNAL_H
#define HUB_REFUSAL_JOURNAL_H

#include "base/list.h"
#include "hub/refusal/refusal.h"

enum refusal_kind {
    REFUSAL_NOTE = HUB_REFUSAL, /* to a journal's core: struct refusal_flat */
    REFUSAL_ASK,                /* to every core: struct refusal_flat_query -> REFUSAL_PAGE */
    REFUSAL_PAGE,  /* alerts; struct refusal_seen one behind the other, texts between */
    REFUSAL_CROWD, /* to the hub's first core: struct crowd_member */
};

struct ring {
    struct list records; /* struct record.in_ring */
    struct list quiet;   /* in journal->quiet; the strangers' is in none */
    unsigned count, max;
    char who[HUB_WHO_LEN_MAX + 1];
};

struct record {
    struct list order, in_ring;
    struct ring *ring;
    uint64_t same;
    int64_t told_us;          /* to the crowds; 0: never */
    int64_t watched_us;       /* told to who watches; 0: never */
    struct refusal_seen seen; /* its slices point behind the record */
    uint8_t bytes[];
};

struct journal {
    struct map same, rings, claimed;
    struct list order, quiet;
    struct ring strangers;
    unsigned known, known_max; /* records in the rings of identities */
    int64_t last_us;
};

void journal_init(struct journal *j, unsigned cores);
void journal_fini(struct journal *j);

/* Notes it, or counts it.  NULL: there was no room for what is no refusal. */
struct record *journal_note(struct journal *j, const struct refusal *what, int64_t wall_us);

/* The ring of an identity, or NULL. */
struct ring *journal_ring(const struct journal *j, struct slice who);

/* Was anybody refused who claimed that id and nobody vouched for? */
bool journal_was_claimed(const struct journal *j, struct slice who);

bool journal_matches(const struct record *r, const struct refusal_query *q, unsigned core);

struct slice journal_address_of(struct slice peer); /* without its port */

bool journal_is_refusal(const struct refusal *what); /* or a connection that was cut off */

/* tell.c: tells it to who watches. */
void refusal_tell(const struct hub *hub, struct lane *home, struct record *noted);

/* diagnose.c: notes it for resource logs, if they want it. */
void refusal_diagnose(const struct hub *hub, struct lane *home, const struct refusal *r);

/* The texts of a refusal, for copying. */
enum { REFUSAL_TEXTS = 7 };
void refusal_texts_of(struct refusal *r, struct slice *out[REFUSAL_TEXTS]);

/* The same, each cut to REFUSAL_TEXT_MAX.  How long they are together. */
size_t refusal_texts_cut(struct refusal *r, struct slice *out[REFUSAL_TEXTS]);

#endif
