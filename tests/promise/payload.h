/* payload.h - message bodies that tell who sent them, as which, and whether they are whole.
 *
 *   "<device> <number> <length> <padding>"     each byte of the padding follows from number and place
 *
 * The bodies of tests/bench/mqttload are understood too; their padding is not looked at.
 */
#ifndef PROMISE_PAYLOAD_H
#define PROMISE_PAYLOAD_H

#include "base/buf.h"

void payload_write(struct buf *out, unsigned device, uint64_t number, size_t padding);

/* ERR_INVALID: nobody made it; ERR_CORRUPT: made, and changed since. */
enum err payload_read(struct slice body, uint64_t *device, uint64_t *number) MUST_USE;

#endif
