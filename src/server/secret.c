/* secret.c - see secret.h. */
#include "server/secret.h"

#include <stdio.h>

#include "auth/blob_sas.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"

enum err secret_read(const char *path, struct buf *out)
{
    char piece[4096];
    size_t n;
    FILE *f = fopen(path, "re");
    if (f == NULL) return fail_errno("cannot read %s", path);
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) buf_put(out, piece, n);
    fclose(f);
    mem_wipe(piece, sizeof piece);
    return OK;
}

/* A file of our directory with a secret, made when it is absent. */
static enum err load(struct io *files, const char *name, struct slice made, struct buf *out)
{
    enum err e = io_load(files, name, out);
    if (e != ERR_NOT_FOUND) return e;
    buf_put_slice(out, made);
    return io_store(files, name, made);
}

enum err secret_metrics_token(struct io *files, struct buf *out)
{
    struct buf text = BUF_SECRET;
    uint8_t bytes[32];
    rand_bytes(bytes, sizeof bytes);
    text_hex(&text, slice_of(bytes, sizeof bytes));
    enum err e = load(files, "metrics.token", buf_slice(&text), out);
    buf_wipe(&text);
    return e;
}

enum err secret_upload_key(struct io *files, struct buf *out)
{
    struct buf text = BUF_SECRET;
    uint8_t bytes[BLOB_ACCOUNT_KEY_MAX];
    rand_bytes(bytes, sizeof bytes);
    text_base64(&text, slice_of(bytes, sizeof bytes));
    enum err e = load(files, "upload.key", buf_slice(&text), out);
    mem_wipe(bytes, sizeof bytes);
    buf_wipe(&text);
    return e;
}
