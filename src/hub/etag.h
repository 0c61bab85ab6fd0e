/* etag.h - If-Match as clients really spell it.
 *
 * Source: what the SDKs send: * and "*" (.NET and Node quote the wildcard), "<etag>", <etag>,
 *         W/"<etag>"; "" for what is to be made (Azure.Iot.Hub.Service, whose recorded sessions show that a
 *         real hub makes it).
 */
#ifndef HUB_ETAG_H
#define HUB_ETAG_H

#include "base/buf.h"

enum { ETAG_MAX = 32 }; /* characters of an etag of ours */

/* Without W/ and without one pair of quotes. */
struct slice etag_bare(struct slice text);

/* If-Match of a PUT; SLICE_NONE: there is none, or it is "", the etag of what has none yet. */
struct slice etag_of_put(struct slice if_match);

/* The wildcard, or equal after both were bared. */
bool etag_matches(struct slice if_match, struct slice etag);

/* base64 of the decimal number, as identities have it: 801232426 is "ODAxMjMyNDI2". */
void etag_of_number(uint64_t number, char out[ETAG_MAX + 1]);

#endif
