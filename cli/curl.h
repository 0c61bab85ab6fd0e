/* curl.h - libcurl, loaded when the first request is made.
 *
 * Linking it would make the loader bring some thirty libraries into every start of the program, also
 * of the server, which never uses it from here.  Private to http.c.
 */
#ifndef CLI_CURL_H
#define CLI_CURL_H

#include <curl/curl.h>

#include "base/err.h"

struct curl_functions {
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *handle);
    CURLcode (*set)(CURL *handle, CURLoption option, ...);
    CURLcode (*perform)(CURL *handle);
    CURLcode (*get)(CURL *handle, CURLINFO info, ...);
    const char *(*error_text)(CURLcode code);
    struct curl_slist *(*list_append)(struct curl_slist *list, const char *text);
    void (*list_free)(struct curl_slist *list);
};

/* ERR_IO when the library is not there. */
enum err curl_load(const struct curl_functions **out) MUST_USE;

#endif
