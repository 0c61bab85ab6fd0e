/* document.h - a twin's JSON in the shape of a digital twin, and patches back.  Private to
 * hub/digital_twin. */
#ifndef HUB_DIGITAL_TWIN_DOCUMENT_H
#define HUB_DIGITAL_TWIN_DOCUMENT_H

#include "base/json.h"
#include "hub/digital_twin/digital_twin.h"

/* A component is marked in the twin: {"__t": "c", ..}. */
bool document_is_component(const struct json *value);

/* `twin` is what services are shown of it. */
struct json *document_view(struct arena *a, const struct json *twin);

struct json *document_copy(struct arena *a, const struct json *value);

/* Is it the same value?  The order of members does not count. */
bool document_same(const struct json *a, const struct json *b);

/* Why a patch is refused. */
struct document_refusal {
    const char *error; /* Azure's name */
    char text[160];
};

/* The merge patch of the twin's desired properties that does what the JSON Patch says; NULL: it
 * changes nothing.  ERR_INVALID: `why` is filled. */
enum err document_patch(struct arena *a, const struct json *twin, const struct json *patch,
                        struct json **out, struct document_refusal *why) MUST_USE;

#endif
