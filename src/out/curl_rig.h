/* curl_rig.h - libcurl without a network; for *_test.c files only.
 *
 * What is added is under way until the test says that it has ended, or `added` does so at once; the loop that
 * carries it hears of it in its next turn.  What handles are told is noted, theirs or the newest one's. */
#ifndef OUT_CURL_RIG_H
#define OUT_CURL_RIG_H

#include "base/test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "out/curl.h"

typedef size_t (*curl_rig_taker)(char *bytes, size_t one, size_t count, void *ctx);

struct curl_rig_handle {
    struct curl_rig_handle *next; /* of those that are under way */
    char url[128];
    void *private;
    bool ended;
    CURLcode code; /* how */
    curl_rig_taker head, body;
    void *head_ctx, *body_ctx;
};

static struct {
    struct curl_rig_handle *under_way; /* the newest first */
    unsigned now, most;                /* of them; at a time */
    unsigned made, cleaned;
    void (*added)(struct curl_rig_handle *h);    /* NULL: it goes on */
    void (*performs)(struct curl_rig_handle *h); /* for who waits for each request; sets `code` */
    long http;                                   /* the status of what went well */
    const char *error;                           /* what is said of what did not */
    CURLMcode takes; /* what who adds is told; CURLM_OK: it is under way */
    bool no_handle;  /* there are none */
    const char *protocols, *no_proxy, *ca;
    long connect_ms, names_s;
    unsigned headers; /* of all requests */
    CURLMsg message;
} curl_rig;

static inline CURL *curl_rig_init(void)
{
    if (curl_rig.no_handle) return NULL;
    curl_rig.made++;
    return (CURL *)NEW(struct curl_rig_handle);
}

static inline void curl_rig_cleanup(CURL *handle)
{
    curl_rig.cleaned++;
    free(handle);
}

static inline CURLcode curl_rig_set(CURL *handle, CURLoption option, ...)
{
    struct curl_rig_handle *h = (void *)handle;
    va_list more;
    va_start(more, option);
    switch ((int)option) {
    case CURLOPT_PRIVATE: h->private = va_arg(more, void *); break;
    case CURLOPT_URL: snprintf(h->url, sizeof h->url, "%s", va_arg(more, const char *)); break;
    case CURLOPT_WRITEFUNCTION: h->body = va_arg(more, curl_rig_taker); break;
    case CURLOPT_HEADERFUNCTION: h->head = va_arg(more, curl_rig_taker); break;
    case CURLOPT_WRITEDATA: h->body_ctx = va_arg(more, void *); break;
    case CURLOPT_HEADERDATA: h->head_ctx = va_arg(more, void *); break;
    case CURLOPT_PROTOCOLS_STR: curl_rig.protocols = va_arg(more, const char *); break;
    case CURLOPT_NOPROXY: curl_rig.no_proxy = va_arg(more, const char *); break;
    case CURLOPT_CAINFO: curl_rig.ca = va_arg(more, const char *); break;
    case CURLOPT_CONNECTTIMEOUT_MS: curl_rig.connect_ms = va_arg(more, long); break;
    case CURLOPT_DNS_CACHE_TIMEOUT: curl_rig.names_s = va_arg(more, long); break;
    default: break;
    }
    va_end(more);
    return CURLE_OK;
}

static inline void curl_rig_reset(CURL *handle)
{
    *(struct curl_rig_handle *)(void *)handle = (struct curl_rig_handle){0};
}

static inline CURLcode curl_rig_one(CURL *handle)
{
    struct curl_rig_handle *h = (void *)handle;
    curl_rig.performs(h);
    return h->code;
}

static inline CURLcode curl_rig_get(CURL *handle, CURLINFO info, ...)
{
    struct curl_rig_handle *h = (void *)handle;
    va_list more;
    va_start(more, info);
    if (info == CURLINFO_PRIVATE)
        *va_arg(more, void **) = h->private;
    else if (info == CURLINFO_RESPONSE_CODE)
        *va_arg(more, long *) = h->code == CURLE_OK ? curl_rig.http : 0;
    else
        *va_arg(more, curl_off_t *) = 0;
    va_end(more);
    return CURLE_OK;
}

static inline const char *curl_rig_error_text(CURLcode code)
{
    return code == CURLE_OK ? "" : curl_rig.error;
}

static inline struct curl_slist *curl_rig_list_append(struct curl_slist *list, const char *text)
{
    (void)text;
    curl_rig.headers++;
    return list;
}

static inline void curl_rig_list_free(struct curl_slist *list)
{
    (void)list;
}

static inline CURLM *curl_rig_multi_init(void)
{
    return (CURLM *)&curl_rig;
}

static inline CURLMcode curl_rig_multi_cleanup(CURLM *multi)
{
    (void)multi;
    assert_null(curl_rig.under_way);
    return CURLM_OK;
}

static inline CURLMcode curl_rig_multi_set(CURLM *multi, CURLMoption option, ...)
{
    (void)multi, (void)option;
    return CURLM_OK;
}

static inline CURLMcode curl_rig_add(CURLM *multi, CURL *handle)
{
    struct curl_rig_handle *h = (void *)handle;
    (void)multi;
    if (curl_rig.takes != CURLM_OK) return curl_rig.takes;
    h->next = curl_rig.under_way;
    curl_rig.under_way = h;
    if (++curl_rig.now > curl_rig.most) curl_rig.most = curl_rig.now;
    if (curl_rig.added) curl_rig.added(h);
    return CURLM_OK;
}

/* One that was not taken may be removed, too. */
static inline CURLMcode curl_rig_remove(CURLM *multi, CURL *handle)
{
    struct curl_rig_handle **at = &curl_rig.under_way;
    (void)multi;
    while (*at && *at != (void *)handle) at = &(*at)->next;
    if (*at == NULL) return CURLM_OK;
    *at = (*at)->next;
    curl_rig.now--;
    return CURLM_OK;
}

static inline CURLMcode curl_rig_perform(CURLM *multi, int *running)
{
    (void)multi;
    *running = 0;
    return CURLM_OK;
}

static inline CURLMsg *curl_rig_read(CURLM *multi, int *left)
{
    (void)multi;
    *left = 0;
    for (struct curl_rig_handle *h = curl_rig.under_way; h; h = h->next) {
        if (!h->ended) continue;
        curl_rig.message = (CURLMsg){.msg = CURLMSG_DONE, .easy_handle = (CURL *)h};
        curl_rig.message.data.result = h->code;
        return &curl_rig.message;
    }
    return NULL;
}

/* Gives that many bytes, in pieces, to who takes them; libcurl ends a request at the first refusal. */
static inline CURLcode curl_rig_give(curl_rig_taker take, void *ctx, size_t len)
{
    static char piece[4096];
    for (size_t left = len; left;) {
        size_t n = left < sizeof piece ? left : sizeof piece;
        if (take(piece, 1, n, ctx) != n) return CURLE_WRITE_ERROR;
        left -= n;
    }
    return CURLE_OK;
}

/* From the next curl_load() on; curl_use(NULL) ends it. */
static inline void curl_rig_use(void)
{
    static const struct curl_functions functions = {
        .easy_init = curl_rig_init,
        .easy_cleanup = curl_rig_cleanup,
        .reset = curl_rig_reset,
        .set = curl_rig_set,
        .perform = curl_rig_one,
        .get = curl_rig_get,
        .error_text = curl_rig_error_text,
        .list_append = curl_rig_list_append,
        .list_free = curl_rig_list_free,
        .multi_init = curl_rig_multi_init,
        .multi_cleanup = curl_rig_multi_cleanup,
        .multi_set = curl_rig_multi_set,
        .multi_add = curl_rig_add,
        .multi_remove = curl_rig_remove,
        .multi_perform = curl_rig_perform,
        .multi_read = curl_rig_read,
    };
    memset(&curl_rig, 0, sizeof curl_rig);
    curl_rig.http = 200;
    curl_rig.error = "nobody is there";
    curl_use(&functions);
}

#endif
