/* value.h - how a value lies in a request or an answer.
 *
 *   null  00
 *   int   01  i64 little-endian
 *   text  02  u32 length  bytes
 *   bytes 03  u32 length  bytes
 */
#ifndef STORE_VALUE_H
#define STORE_VALUE_H

#include "store/store.h"

void value_put(struct buf *out, const struct store_value *v);
struct store_value value_read(struct cur *c);

#endif
