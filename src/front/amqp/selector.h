/* selector.h - where a reader wants to begin: the filter of its attach.  Private to front/amqp.
 *
 * One comparison: amqp.annotation.x-opt-{offset,sequence-number,enqueued-time} {>,>=} value, the
 * value in single quotes or bare.  Offsets are our sequence numbers in decimal; "-1" is before the
 * first, "@latest" after the newest.  x-opt-enqueuedtimeutc is what older tools write.
 */
#ifndef FRONT_AMQP_SELECTOR_H
#define FRONT_AMQP_SELECTOR_H

#include "base/amqp.h"
#include "log/log.h"

/* The filter map of a source (or null): key apache.org:selector-filter:string, a described string.
 * ERR_INVALID with a text when it does not parse; ERR_UNSUPPORTED for another filter. */
enum err selector_of_filter(const struct amqp_value *filter, struct slice *text) MUST_USE;

enum err selector_parse(struct slice text, struct log_seek_msg *out) MUST_USE;

#endif
