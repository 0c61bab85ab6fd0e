/* change.h - what a change makes of what there is.  Private to hub/certificate. */
#ifndef HUB_CERTIFICATE_CHANGE_H
#define HUB_CERTIFICATE_CHANGE_H

#include "hub/certificate/table.h"

enum change_kind { CHANGE_PUT, CHANGE_DELETE, CHANGE_MAKE_CODE, CHANGE_VERIFY };

struct change {
    enum change_kind kind;
    bool verified; /* CHANGE_PUT */
    bool has_if_match;
    char name[CERTIFICATE_NAME_MAX + 2]; /* room for one too long; so below */
    char if_match[CERTIFICATE_IF_MATCH_MAX + 2];
    uint32_t upload_len;
    uint8_t upload[];
};

/* *before: what is there now, or NULL; *after: what is to be there, or NULL; free() it.
 * Nothing is changed yet.  The errors of struct certificate_wait, with a text. */
enum err certificate_decide(const struct change *change, const struct certificate_table *t,
                            const struct certificate **before, struct certificate **after) MUST_USE;

#endif
