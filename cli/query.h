/* query.h - --query: the part of JMESPath that people use on a command line.
 *
 *     name  "quoted name"  a.b  a[0]  a[-1]  a[*].b  a.*.b  a[]  a[?b == 'x' && c > `1`].d  @
 *     [a, b]  {x: a, y: b}  a | b  a || b  !a  length(a)  sort_by(a, &b)  keys(a)  contains(a, b)
 *     starts_with(a, b)  ends_with(a, b)  reverse(a)  to_string(a)
 *
 * Runs on: one thread; everything lives in the caller's arena.
 * Limits:  QUERY_DEPTH_MAX levels of nesting in an expression.
 * Errors:  ERR_INVALID with the position in the expression.
 * Source:  the JMESPath specification (jmespath.org); slices and the other functions are left out.
 */
#ifndef CLI_QUERY_H
#define CLI_QUERY_H

#include "base/json.h"

enum { QUERY_DEPTH_MAX = 64 };

struct query;

enum err query_parse(struct arena *a, const char *text, struct query **out) MUST_USE;

/* What the expression makes of `value`; parts of the answer are shared with it. */
enum err query_run(struct arena *a, const struct query *q, const struct json *value,
                   struct json **out) MUST_USE;

#endif
