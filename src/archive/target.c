/* target.c - connection strings and paths. */
#include "archive/target.h"

#include <string.h>

#include "base/err.h"

enum { CONTAINER_MIN = 3, CONTAINER_MAX = 63 };

/* Account and key are in Azure's documents: they are no secret. */
#define EMULATOR                                                                                   \
    "AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2"  \
    "UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1"

bool archive_is_emulator(struct slice given)
{
    given = slice_trim(given);
    if (slice_ends(given, SLICE_LIT(";"))) given.len--;
    return slice_is_nocase(given, "UseDevelopmentStorage=true");
}

/* An emulator speaks plain HTTP; the parser of accounts knows only HTTPS. */
enum err archive_target_read_account(struct archive_target *t)
{
    size_t len = strlen(t->secret);
    const char *given = archive_is_emulator(slice_of(t->secret, len)) ? EMULATOR : t->secret;
    const char *plain = strcasestr(given, "BlobEndpoint=http://");
    struct buf text = BUF_SECRET;
    size_t before = plain ? (size_t)(plain - given) + strlen("BlobEndpoint=http") : 0;
    t->plain = plain != NULL;
    buf_put(&text, given, before);
    if (plain) buf_put_u8(&text, 's');
    buf_put_str(&text, given + before);
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

bool archive_is_part(struct slice name)
{
    return name.len && archive_is_path(name) && slice_find(name, '/') == name.len;
}

static bool is_lower_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool archive_is_container(struct slice name)
{
    bool before = false, fits = name.len >= CONTAINER_MIN && name.len <= CONTAINER_MAX;
    for (size_t i = 0; i < name.len && fits; i++) {
        bool plain = is_lower_or_digit(name.ptr[i]);
        fits = plain || (before && name.ptr[i] == '-');
        before = plain;
    }
    return fits && before;
}
