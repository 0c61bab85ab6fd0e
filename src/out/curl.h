/* curl.h - libcurl, loaded when the first request is made.
 *
 * Linking it would make the loader bring some thirty libraries into every start of the program, also
 * of a server that calls nobody.
 */
#ifndef OUT_CURL_H
#define OUT_CURL_H

#include <curl/curl.h>

#include "base/err.h"

struct curl_functions {
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *handle);
    void (*reset)(CURL *handle);
    CURLcode (*set)(CURL *handle, CURLoption option, ...);
    CURLcode (*perform)(CURL *handle);
    CURLcode (*get)(CURL *handle, CURLINFO info, ...);
    const char *(*error_text)(CURLcode code);
    struct curl_slist *(*list_append)(struct curl_slist *list, const char *text);
    void (*list_free)(struct curl_slist *list);
    CURLM *(*multi_init)(void);
    CURLMcode (*multi_cleanup)(CURLM *multi);
    CURLMcode (*multi_set)(CURLM *multi, CURLMoption option, ...);
    CURLMcode (*multi_add)(CURLM *multi, CURL *handle);
    CURLMcode (*multi_remove)(CURLM *multi, CURL *handle);
    CURLMcode (*multi_perform)(CURLM *multi, int *running);
    CURLMcode (*multi_poll)(CURLM *multi, struct curl_waitfd *more, unsigned count, int wait_ms,
                            int *ready);
    CURLMsg *(*multi_read)(CURLM *multi, int *left);
};

/* Any thread.  ERR_IO when the library is not there. */
enum err curl_load(const struct curl_functions **out) MUST_USE;

/* What a name means is looked up again after so long, when a connection is made. */
enum { CURL_NAMES_S = 5 };

/* What every request of this program has: no signals, so long to connect, loopback never through a proxy,
 * only `protocols` ("https", "http,https"), names that are not remembered for long, and the peer's certificate
 * judged by the CAs of the PEM file `ca_path` (NULL: the system's). */
void curl_common(const struct curl_functions *f, CURL *handle, const char *protocols,
                 const char *ca_path, unsigned connect_s);

/* For tests: who plays libcurl from the next curl_load() on; NULL: libcurl. */
void curl_use(const struct curl_functions *f);

#endif
