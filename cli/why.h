/* why.h - what `why` and `why --watch` share.
 *
 * Runs on: the main thread.
 */
#ifndef CLI_WHY_H
#define CLI_WHY_H

#include "cli/http.h"

/* Appends the value of an option to a path, behind ? or &, if it was given. */
void why_put_parameter(struct buf *path, const struct cli *c, const char *option, const char *name);

/* A record of the list in one line: time, cause, id, peer, what happened. */
void why_put_line(struct buf *out, const struct json *record);

/* On stderr: stdout has what programs read. */
void why_tell_alert(const struct json *alert);

/* Shows what is refused from now on, or from --since on, as it comes, until --count or --timeout. */
enum err why_watch(struct cli *c) MUST_USE;

#endif
