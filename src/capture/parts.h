/* parts.h - what a message consists of, as far as Capture wants it.
 *
 * Runs on: any thread; pure functions.  What they find is borrowed from the sections.
 */
#ifndef CAPTURE_PARTS_H
#define CAPTURE_PARTS_H

#include "base/amqp.h"

struct parts {
    struct amqp_value properties; /* a list, or null */
    struct slice properties_section;
    struct slice application; /* pairs */
    bool has_body;
    struct slice body;
    bool many; /* sections of data: `body` is not all */
};

/* Three readers, the plainest first. */
bool parts_take_data(struct slice sections, struct parts *p);
bool parts_take_plain(struct slice sections, struct parts *p);
enum err parts_take_any(struct slice sections,
                        struct parts *p) MUST_USE; /* ERR_CORRUPT: no message */

#endif
