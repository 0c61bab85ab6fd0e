/* document.h - the routing properties as they are sent, checked and made whole.  Private to hub/routing.
 *
 * What is left out is filled in, so that two documents that mean the same read the same:
 *
 *   {"endpoints":{KIND:[{"name",..}]},
 *    "routes":[{"name","source","condition","endpointNames":[..],"isEnabled"}],
 *    "fallbackRoute":{likewise},
 *    "enrichments":[{"key","value","endpointNames":[..]}]}
 */
#ifndef HUB_ROUTING_DOCUMENT_H
#define HUB_ROUTING_DOCUMENT_H

#include "base/json.h"
#include "hub/routing/routing.h"

#define ROUTING_EVENTS "events" /* the built-in endpoint */

/* The document in `text`, checked against `config`; `before` is the one that is kept now.  Values lie
 * in the arena, those of `before` are borrowed.  ERR_INVALID, ERR_TOO_BIG, ERR_FULL with a text. */
enum err routing_document_read(struct arena *a, const struct routing_config *config,
                               struct slice text, const struct json *before,
                               struct json **out) MUST_USE;

/* That of a hub whose routing nobody changed. */
struct json *routing_document_initial(struct arena *a, const struct routing_config *config);

/* A copy with its secrets masked, in the arena. */
struct json *routing_document_shown(struct arena *a, const struct routing_config *config,
                                    const struct json *document);

/* The endpoint of that kind and name, or NULL. */
const struct json *routing_document_endpoint(const struct json *document, const char *kind,
                                             struct slice name);

/* Appends [{"change":"added","what":"route","name":..}, ..]; both are shown documents. */
void routing_document_diff(struct buf *out, const struct json *before, const struct json *after);

#endif
