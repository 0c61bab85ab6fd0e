/* path.c - where a blob's file lies: names are hashed, so none of them can lead anywhere else. */
#include <openssl/evp.h>
#include <stdio.h>

#include "base/text.h"
#include "blob/internal.h"

enum { SHA256_LEN = 32 };

/* "blobs/<container>/<64 hex digits><tail>" */
static void put_path(struct blob_name name, const char *tail, char out[PATH_MAX_LEN])
{
    uint8_t digest[SHA256_LEN];
    size_t len = 0;
    struct buf hex = {0};
    int done = EVP_Q_digest(NULL, "SHA256", NULL, name.name.ptr, name.name.len, digest, &len);
    assert(done && len == SHA256_LEN);
    text_hex(&hex, slice_of(digest, len));
    snprintf(out, PATH_MAX_LEN, "blobs/%.*s/%s%s", SLICE_ARG(name.container), buf_cstr(&hex), tail);
    buf_free(&hex);
}

void path_of_blob(struct blob_name name, char out[PATH_MAX_LEN])
{
    put_path(name, "", out);
}

void path_of_blocks(struct blob_name name, char out[PATH_MAX_LEN])
{
    put_path(name, ".blocks", out);
}

void path_of_block(struct blob_name name, struct slice id, char out[PATH_MAX_LEN])
{
    char directory[PATH_MAX_LEN];
    struct buf hex = {0};
    path_of_blocks(name, directory);
    text_hex(&hex, id);
    int len = snprintf(out, PATH_MAX_LEN, "%.*s/", PATH_MAX_LEN - 2, directory);
    size_t room = (size_t)(PATH_MAX_LEN - len);
    assert(buf_size(&hex) < room);
    memcpy(out + len, buf_cstr(&hex), buf_size(&hex) + 1);
    buf_free(&hex);
}

void path_of_new(uint64_t id, char out[PATH_MAX_LEN])
{
    snprintf(out, PATH_MAX_LEN, "blobs/new/%llu", (unsigned long long)id);
}
