/* row.h - a certificate in the store.  Private to hub/certificate. */
#ifndef HUB_CERTIFICATE_ROW_H
#define HUB_CERTIFICATE_ROW_H

#include "hub/certificate/table.h"
#include "store/store.h"

/* The columns of certificate_page; free() it.  ERR_CORRUPT. */
enum err certificate_row_read(const struct store_value *col, struct certificate **out) MUST_USE;

/* A unit that makes `after` of `before`; either may be NULL, not both. */
void certificate_row_write(struct store_request *u, const struct certificate *before,
                           const struct certificate *after);

#endif
