/* etag.h - If-Match as clients really spell it.
 *
 * Source: what the SDKs send: * and "*" (.NET and Node quote the wildcard), "<etag>", <etag>,
 *         W/"<etag>".
 */
#ifndef HUB_ETAG_H
#define HUB_ETAG_H

#include "base/buf.h"

enum { ETAG_MAX = 32 }; /* characters of an etag of ours */

/* Without W/ and without one pair of quotes. */
struct slice etag_bare(struct slice text);

/* The wildcard, or equal after both were bared. */
bool etag_matches(struct slice if_match, struct slice etag);

/* base64 of the decimal number, as identities have it: 801232426 is "ODAxMjMyNDI2". */
void etag_of_number(uint64_t number, char out[ETAG_MAX + 1]);

#endif
