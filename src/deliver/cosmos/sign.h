/* sign.h - "Access control on Azure Cosmos DB resources": requests signed with an account's key.
 * Private to deliver. */
#ifndef DELIVER_COSMOS_SIGN_H
#define DELIVER_COSMOS_SIGN_H

#include "base/buf.h"

enum { COSMOS_DATE_MAX = 32 };

/* "Thu, 27 Apr 2017 00:51:12 GMT" */
void cosmos_date(int64_t wall_us, char out[COSMOS_DATE_MAX]);

/* The value of the header Authorization.  `key`: its bytes; `link`: "dbs/DB/colls/CONTAINER", as it is, not
 * percent-encoded. */
void cosmos_sign(struct slice key, const char *method, const char *type, struct slice link,
                 const char *date, struct buf *out);

#endif
