/* parsed.h - what our engines and parsers make of bytes, as lines that a peer's parser can be compared with.
 *
 * A line is what was parsed, word by word, then one of
 *     more      nothing is wrong, and nothing is left over that could be parsed without more bytes
 *     closed    the peer has ended it in order
 *     refused   the bytes break a rule; behind " # " stands our reason, which no peer has to share
 */
#ifndef DIFFERENTIAL_PARSED_H
#define DIFFERENTIAL_PARSED_H

#include "base/buf.h"

typedef void parsed_fn(struct slice input, struct buf *line);

parsed_fn parsed_mqtt_server, parsed_mqtt_client;
parsed_fn parsed_ws_server, parsed_ws_client, parsed_ws_text;
parsed_fn parsed_http1;
parsed_fn parsed_amqp_value, parsed_amqp_frames;

/* " refused # reason" */
void parsed_refused(struct buf *line, const char *reason);

#endif
