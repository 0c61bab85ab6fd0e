/* format.h - a message as a storage endpoint writes it.  Private to deliver. */
#ifndef DELIVER_STORAGE_FORMAT_H
#define DELIVER_STORAGE_FORMAT_H

#include "deliver/message.h"

extern const char storage_schema[]; /* of Avro */

/* The fields in the schema's order; `scratch` is for whatever it likes. */
void storage_put_avro(const struct message *m, struct buf *scratch, struct buf *out);

/* An object and a line's end. */
void storage_put_json(const struct message *m, struct buf *out);

#endif
