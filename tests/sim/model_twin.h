/* model_twin.h - what a section of a twin (desired or reported properties) must be.
 *
 * One writer changes it, and marks each change.  Versions rise by one with each change that the hub
 * took; what a version holds never changes, whoever reads it, and nobody who knows a version is shown
 * an older one.  A change whose answer was lost may have been taken or not: it stays pending until
 * somebody saw its mark, or until it can no longer come.
 */
#ifndef SIM_MODEL_TWIN_H
#define SIM_MODEL_TWIN_H

#include "doc.h"

enum { MODEL_PENDING_MAX = 2 };

struct model_change {
    struct doc doc;
    bool whole; /* replaces the section */
};

struct model_section {
    const char *who, *name;
    int64_t version;          /* the newest that is known */
    struct doc *docs;         /* by version - 1 */
    struct model_change *how; /* likewise: what made it */
    struct model_change pending[MODEL_PENDING_MAX];
    unsigned pending_count;
};

void model_init(struct model_section *s, const char *who, const char *name);
void model_fini(struct model_section *s);

void model_sent(struct model_section *s, const struct model_change *change);
void model_refused(struct model_section *s, int64_t mark);
void model_settled(struct model_section *s); /* what is pending will never be taken */

/* Somebody who knew `floor` when he asked was shown that. */
void model_seen(struct model_section *s, int64_t version, const struct doc *shown, int64_t floor);

/* Somebody learned that the change of that mark made `version`. */
void model_reached(struct model_section *s, int64_t version, int64_t mark);

const struct doc *model_at(const struct model_section *s, int64_t version); /* NULL: not known */

#endif
