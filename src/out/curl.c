/* curl.c - see curl.h. */
#include "out/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static struct curl_functions functions;
static const struct curl_functions *player; /* NULL: libcurl */
static char missing[256];                   /* empty: everything is there */

static const struct {
    const char *name;
    void *at;
} symbols[] = {
    {"curl_global_init", &functions.global_init},
    {"curl_easy_init", &functions.easy_init},
    {"curl_easy_cleanup", &functions.easy_cleanup},
    {"curl_easy_reset", &functions.reset},
    {"curl_easy_setopt", &functions.set},
    {"curl_easy_perform", &functions.perform},
    {"curl_easy_getinfo", &functions.get},
    {"curl_easy_strerror", &functions.error_text},
    {"curl_slist_append", &functions.list_append},
    {"curl_slist_free_all", &functions.list_free},
    {"curl_multi_init", &functions.multi_init},
    {"curl_multi_cleanup", &functions.multi_cleanup},
    {"curl_multi_setopt", &functions.multi_set},
    {"curl_multi_add_handle", &functions.multi_add},
    {"curl_multi_remove_handle", &functions.multi_remove},
    {"curl_multi_perform", &functions.multi_perform},
    {"curl_multi_poll", &functions.multi_poll},
    {"curl_multi_info_read", &functions.multi_read},
};

static void load(void)
{
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        snprintf(missing, sizeof missing, "libcurl is missing (%.150s): apt-get install libcurl4",
                 dlerror());
        return;
    }
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        *(void **)symbols[i].at = dlsym(library, symbols[i].name);
        if (*(void **)symbols[i].at) continue;
        snprintf(missing, sizeof missing, "libcurl has no %s: apt-get install libcurl4",
                 symbols[i].name);
        return;
    }
    functions.global_init(CURL_GLOBAL_DEFAULT);
}

enum err curl_load(const struct curl_functions **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    *out = player ? player : &functions;
    if (player) return OK;
    pthread_once(&once, load);
    return *missing ? fail(ERR_IO, "%s", missing) : OK;
}

void curl_use(const struct curl_functions *f)
{
    player = f;
}

void curl_common(const struct curl_functions *f, CURL *handle, const char *protocols,
                 const char *ca_path, unsigned connect_s)
{
    f->set(handle, CURLOPT_PROTOCOLS_STR, protocols);
    f->set(handle, CURLOPT_NOPROXY, "localhost,.localhost,127.0.0.1,::1");
    f->set(handle, CURLOPT_NOSIGNAL, 1l);
    f->set(handle, CURLOPT_DNS_CACHE_TIMEOUT, (long)CURL_NAMES_S);
    f->set(handle, CURLOPT_CONNECTTIMEOUT_MS, connect_s * 1000l);
    if (ca_path) f->set(handle, CURLOPT_CAINFO, ca_path);
}
