/* curl.c - see curl.h. */
#include "cli/curl.h"

#include <dlfcn.h>
#include <stdbool.h>

static struct curl_functions functions;

static const struct {
    const char *name;
    void *at;
} symbols[] = {
    {"curl_global_init", &functions.global_init},   {"curl_easy_init", &functions.easy_init},
    {"curl_easy_cleanup", &functions.easy_cleanup}, {"curl_easy_setopt", &functions.set},
    {"curl_easy_perform", &functions.perform},      {"curl_easy_getinfo", &functions.get},
    {"curl_easy_strerror", &functions.error_text},  {"curl_slist_append", &functions.list_append},
    {"curl_slist_free_all", &functions.list_free},
};

enum err curl_load(const struct curl_functions **out)
{
    static bool loaded;
    *out = &functions;
    if (loaded) return OK;
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return fail(ERR_IO, "libcurl is missing (%s): apt-get install libcurl4", dlerror());
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        *(void **)symbols[i].at = dlsym(library, symbols[i].name);
        if (*(void **)symbols[i].at == NULL)
            return fail(ERR_IO, "libcurl has no %s: apt-get install libcurl4", symbols[i].name);
    }
    functions.global_init(CURL_GLOBAL_DEFAULT);
    loaded = true;
    return OK;
}
