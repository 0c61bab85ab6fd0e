/* ledger.c - accounts, and the file they are kept in. */
#include "ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"

void ledger_init(struct ledger *l, unsigned count)
{
    *l = (struct ledger){mem_zero((count + 1) * sizeof(struct account)), count};
}

void ledger_fini(struct ledger *l)
{
    for (unsigned i = 0; i < l->count; i++) free(l->accounts[i].uncertain);
    free(l->accounts);
    *l = (struct ledger){0};
}

void account_unsettled(struct account *a, uint64_t from, uint64_t to)
{
    if (from == to) return;
    if (a->uncertain_count == a->uncertain_cap) {
        a->uncertain_cap = a->uncertain_cap ? 2 * a->uncertain_cap : 8;
        a->uncertain = mem_grow(a->uncertain, a->uncertain_cap * sizeof *a->uncertain);
    }
    a->uncertain[a->uncertain_count++] = (struct span){from, to};
}

unsigned account_copies_max(const struct account *a, uint64_t number)
{
    unsigned copies = number < a->sent;
    for (size_t i = 0; i < a->uncertain_count; i++)
        copies += a->uncertain[i].from <= number && number < a->uncertain[i].to;
    return copies;
}

/* ---- the file */

enum err ledger_save(const struct ledger *l, const char *path)
{
    FILE *f = fopen(path, "we");
    if (f == NULL) return fail_errno("cannot write %s", path);
    for (unsigned i = 0; i < l->count; i++) {
        const struct account *a = &l->accounts[i];
        fprintf(f, "%s,%u,%" PRIu64 ",%" PRIu64, a->id, i, a->sent, a->acked);
        for (size_t s = 0; s < a->uncertain_count; s++)
            fprintf(f, "%c%" PRIu64 "-%" PRIu64, s ? ' ' : ',', a->uncertain[s].from,
                    a->uncertain[s].to);
        fputc('\n', f);
    }
    return fclose(f) ? fail_errno("cannot write %s", path) : OK;
}

static bool read_number(struct slice *rest, uint8_t end, uint64_t *out)
{
    struct slice text;
    return slice_split(rest, end, &text) && num_u64(slice_trim(text), out) == OK;
}

static bool read_spans(struct slice rest, struct account *a)
{
    struct slice text;
    while (slice_split(&rest, ' ', &text)) {
        struct span s;
        if (!read_number(&text, '-', &s.from) || !read_number(&text, '-', &s.to)) return false;
        account_unsettled(a, s.from, s.to);
    }
    return true;
}

static struct account *account_at(struct ledger *l, uint64_t index)
{
    if (index >= l->count) {
        unsigned count = (unsigned)index + 1;
        l->accounts = mem_grow(l->accounts, (count + 1) * sizeof *l->accounts);
        memset(l->accounts + l->count, 0, (count - l->count) * sizeof *l->accounts);
        l->count = count;
    }
    return &l->accounts[index];
}

static bool read_account(struct ledger *l, struct slice line)
{
    struct slice id;
    uint64_t index;
    if (!slice_split(&line, ',', &id) || id.len > LEDGER_ID_MAX) return false;
    if (!read_number(&line, ',', &index) || index >= LEDGER_ACCOUNTS_MAX) return false;
    struct account *a = account_at(l, index);
    memcpy(a->id, id.ptr, id.len);
    return read_number(&line, ',', &a->sent) && read_number(&line, ',', &a->acked) &&
           read_spans(line, a);
}

enum err ledger_load(struct ledger *l, const char *path)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    bool good = true;
    if (f == NULL) return fail_errno("cannot read %s", path);
    ledger_init(l, 0);
    while (good && (len = getline(&line, &cap, f)) > 0)
        good = read_account(l, slice_trim(slice_of(line, (size_t)len)));
    free(line);
    fclose(f);
    return good ? OK : fail(ERR_CORRUPT, "%s: account %u is damaged", path, l->count);
}
