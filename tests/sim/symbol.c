/* symbol.c - a walk over the ELF symbol table of /proc/self/exe ("ELF-64 Object File Format" 1.5, 5).
 * The table of sections and names stays mapped until the process ends.
 */
#include "symbol.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    const uint8_t *file; /* NULL: not mapped yet, or it cannot be */
    uintptr_t base;      /* where the program was loaded */
    const Elf64_Sym *symbols;
    size_t count;
    const char *names;
} table;

static const void *map_self(void)
{
    struct stat st;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    void *file = fstat(fd, &st) == 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                                     : MAP_FAILED;
    close(fd);
    return file == MAP_FAILED ? NULL : file;
}

/* The first object is the program itself. */
static int note_base(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    *(uintptr_t *)ctx = info->dlpi_addr;
    return 1;
}

static void load(void)
{
    table.file = map_self();
    if (table.file == NULL) return;
    const Elf64_Ehdr *head = (const void *)table.file;
    const Elf64_Shdr *sections = (const void *)(table.file + head->e_shoff);
    for (unsigned i = 0; i < head->e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB) continue;
        table.symbols = (const void *)(table.file + sections[i].sh_offset);
        table.count = sections[i].sh_size / sizeof *table.symbols;
        table.names = (const char *)table.file + sections[sections[i].sh_link].sh_offset;
    }
    dl_iterate_phdr(note_base, &table.base);
}

const char *symbol_of(const void *address)
{
    if (table.file == NULL) load();
    uintptr_t at = (uintptr_t)address - table.base - 1; /* the call, not what follows it */
    for (size_t i = 0; i < table.count; i++) {
        const Elf64_Sym *s = &table.symbols[i];
        if (ELF64_ST_TYPE(s->st_info) == STT_FUNC && at - s->st_value < s->st_size)
            return table.names + s->st_name;
    }
    return NULL;
}
