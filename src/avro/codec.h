/* codec.h - how the bytes of a block are packed.  Private to avro/. */
#ifndef AVRO_CODEC_H
#define AVRO_CODEC_H

#include "avro/avro.h"

/* `state` is kept for the next block; codec_free() frees it. */
void codec_pack(enum avro_codec codec, void **state, struct slice plain, struct buf *out);
void codec_free(void *state);

/* At most AVRO_BLOCK_MAX bytes come of it. */
enum err codec_unpack(enum avro_codec codec, struct slice packed, struct buf *out) MUST_USE;

#endif
