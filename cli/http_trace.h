/* http_trace.h - --debug: what is asked of a hub and what it answers, on stderr, for who looks for what is wrong.
 *
 *     > PUT https://hub.example:443/devices/d1?api-version=2021-04-12
 *     > Authorization: ***
 *     > {"deviceId":"d1"}
 *     < 200 after 12 ms
 *     < x-ms-request-id: ...
 *     < {"deviceId":"d1","authentication":{"symmetricKey":{"primaryKey":"***",...
 *
 * Secrets are not shown: tokens, keys, passwords, connection strings, signatures of URLs.
 *
 * Runs on: the main thread.
 * Limits:  HTTP_TRACE_BODY_MAX bytes of a body are shown.
 */
#ifndef CLI_HTTP_TRACE_H
#define CLI_HTTP_TRACE_H

#include "cli/http.h"

enum { HTTP_TRACE_BODY_MAX = 4 << 10 };

struct curl_slist;
void http_trace_request(const char *method, const char *url, const struct curl_slist *headers,
                        struct slice body);
void http_trace_answer(const struct http_answer *a, int64_t took_us);

/* ---- for those and their tests: appended */

void http_trace_url(struct buf *out, const char *url);
void http_trace_header(struct buf *out, struct slice line);
void http_trace_body(struct buf *out, struct slice body);

#endif
