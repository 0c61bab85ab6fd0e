/* target.c - connection strings and paths. */
#include "archive/target.h"

#include <string.h>

#include "base/err.h"

/* An emulator speaks plain HTTP; the parser of accounts knows only HTTPS. */
enum err archive_target_read_account(struct archive_target *t)
{
    const char *plain = strcasestr(t->secret, "BlobEndpoint=http://");
    struct buf text = {0};
    size_t before = plain ? (size_t)(plain - t->secret) + strlen("BlobEndpoint=http") : 0;
    t->plain = plain != NULL;
    buf_put(&text, t->secret, before);
    if (plain) buf_put_u8(&text, 's');
    buf_put_str(&text, t->secret + before);
    enum err e = blob_account_parse(buf_slice(&text), &t->account);
    buf_wipe(&text);
    return e;
}

bool archive_is_path(struct slice path)
{
    struct slice part;
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] < ' ' || path.ptr[i] > '~' || strchr("\\?#%\"<>|*:", path.ptr[i]))
            return false;
    while (slice_split(&path, '/', &part))
        if (part.len == 0 || part.ptr[0] == '.') return false;
    return true;
}

bool archive_is_container(struct slice name)
{
    return name.len && archive_is_path(name) && slice_find(name, '/') == name.len;
}
