/* twin_diff.h - a twin's desired properties beside its reported ones.
 *
 * Runs on: any thread.
 */
#ifndef CLI_TWIN_DIFF_H
#define CLI_TWIN_DIFF_H

#include "base/json.h"

/* [{"key","desired","reported","state","desiredSince"}], in the order of the twin: what is pending; with `all` also
 * what is in sync or reported only.  Keys are joined by dots. */
struct json *twin_diff_rows(struct arena *a, const struct json *twin, bool all);

#endif
